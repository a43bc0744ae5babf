"""What is looked at before any page or endpoint sees it: texts that cannot be stored, and what may be kept by a cache."""

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import HttpResponse
from django.test import Client, RequestFactory

from lorapipe.api_errors import explain
from lorapipe.middleware import UnusableValueMiddleware
from tests.factories import make_job
from workspaces.models import User

pytestmark = pytest.mark.django_db


def test_a_form_whose_text_the_database_refuses_is_told_by_its_field(
    client: Client, signed_in: Client
) -> None:
    made = make_job(by=User.objects.get(username="owner"))
    answer = client.post(f"/batches/{made.pk}/retry/", {"kind": "a\x00b"})
    assert answer.status_code in (302, 400, 422)
    fields = RequestFactory().post("/x/", {"no\x00te": "x", "other": "y"})
    refused = UnusableValueMiddleware(lambda _: HttpResponse()).process_exception(fields, DataError("NUL"))
    assert refused is not None
    assert refused.status_code == 400
    assert "no?te: contains U+0000 at character 3; remove it." in refused.content.decode()


def test_another_exception_is_left_to_its_page() -> None:
    middleware = UnusableValueMiddleware(lambda _: HttpResponse())
    assert middleware.process_exception(RequestFactory().post("/x/", {"a": "b"}), ValueError("x")) is None
    assert middleware.process_exception(RequestFactory().post("/x/", {"a": "\x00"}), KeyError("x")) is None


def test_a_nul_in_an_address_is_left_out(client: Client) -> None:
    answer = client.get("/sign-in/?next=/batches/%00&%00a=1")
    assert answer.status_code == 200
    assert answer.wsgi_request.GET.dict() == {"next": "/batches/", "a": "1"}


def test_what_is_private_is_kept_by_no_cache(client: Client, signed_in: Client) -> None:
    for path in ("/", "/batches/", "/api/conversations", "/sign-in/"):
        assert client.get(path)["Cache-Control"].split(", ").count("no-store") == 1, path
        assert "private" in client.get(path)["Cache-Control"]


def test_a_value_that_no_field_takes_is_told() -> None:
    """The admin looks a chosen row up before it checks that its key is one."""
    middleware = UnusableValueMiddleware(lambda _: HttpResponse())
    refused = middleware.process_exception(
        RequestFactory().post("/x/", {"row": "y"}), ValidationError("“y” is not a valid UUID.")
    )
    assert refused is not None
    assert refused.status_code == 400
    assert "“y” is not a valid UUID." in refused.content.decode()
    huge = middleware.process_exception(RequestFactory().get("/x/"), DataError("numeric field overflow"))
    assert huge is not None
    assert "A number is larger" in huge.content.decode()
    assert explain(ValidationError("“y” is not a valid UUID.")).status == 400
