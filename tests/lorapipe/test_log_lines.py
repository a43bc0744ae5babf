"""No line of the log holds a sign-in link that still works."""

import io
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lorapipe import settings as product
from lorapipe.log_lines import MaskingFormatter
from tests.factories import make_user
from workspaces.actions import create_sign_in_link

LOGGING: Any = product.LOGGING


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the product's handler would write."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(MaskingFormatter(LOGGING["formatters"]["line"]["format"]))
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def test_it_is_the_form_of_all_lines() -> None:
    assert LOGGING["formatters"]["line"]["class"] == "lorapipe.log_lines.MaskingFormatter"
    assert LOGGING["handlers"]["out"]["formatter"] == "line"


@pytest.mark.django_db
def test_a_refused_request_does_not_tell_its_link(lines: io.StringIO) -> None:
    token = create_sign_in_link(make_user())
    path = reverse("sign_in_link", args=[token])
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(path).status_code == 403
    assert browser.get(path.rstrip("/") + "/more/").status_code == 404
    assert browser.post("/nothing" + path).status_code in (403, 404)
    assert "/sign-in/…" in lines.getvalue()
    assert token not in lines.getvalue()
    assert browser.get(path).status_code == 200, "the link still works"


@pytest.mark.parametrize(
    ("message", "args"),
    [
        ("Not Found: /sign-in/T0KEN", ()),
        ("%s refused", ("/sign-in/T0KEN/?next=/",)),
        ("http://127.0.0.1:8000/sign-in/T0KEN", ()),
        ("%s", (["/sign-in/T0KEN/"],)),
    ],
)
def test_it_is_masked_wherever_it_stands(message: str, args: tuple[object, ...], lines: io.StringIO) -> None:
    logging.getLogger("x").warning(message, *args)
    assert "T0KEN" not in lines.getvalue()


def test_it_is_masked_in_a_traceback(lines: io.StringIO) -> None:
    try:
        raise ValueError("/sign-in/T0KEN/")
    except ValueError:
        logging.getLogger("x").warning("failed", exc_info=sys.exc_info())
    assert "ValueError: /sign-in/…/" in lines.getvalue()


def test_other_lines_stay(lines: io.StringIO) -> None:
    logging.getLogger("x").warning("/sign-in/?next=/settings/ and /sign-in/ and /templates/abc/")
    assert "/sign-in/?next=/settings/ and /sign-in/ and /templates/abc/" in lines.getvalue()
