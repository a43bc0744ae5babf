"""Who reads /metrics."""

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from lorapipe.operation.prometheus import CONTENT_TYPE
from stack.variables.observing import Observing
from tests.factories import make_token, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def open_to_loopback(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    from dataclasses import replace  # noqa: PLC0415

    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, observing=Observing(metrics_from_loopback=True))


def test_a_superuser_reads_them_by_token_or_in_a_browser() -> None:
    boss = make_user(superuser=True)
    headers = {"Authorization": f"Bearer {make_token(user=boss)}"}
    answer = Client().get("/metrics", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (200, CONTENT_TYPE)
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"lorapipe_items", "lorapipe_queue_depth", "lorapipe_dispatcher_lag_seconds"} <= names
    browser = Client()
    browser.force_login(boss)
    assert browser.get("/metrics").status_code == 200


@pytest.mark.parametrize("staff", [True, False])
def test_nobody_else_does(staff: bool) -> None:
    person = make_user(staff=staff)
    browser = Client()
    assert browser.get("/metrics").status_code == 401
    browser.force_login(person)
    assert browser.get("/metrics").status_code == 401
    for token in (make_token(user=person), "lp_unknown"):
        answer = Client().get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert "LORAPIPE_METRICS" in answer.text


@pytest.mark.usefixtures("open_to_loopback")
def test_programs_on_this_machine_read_them_where_the_operator_says_so(settings: Settings) -> None:
    assert Client(REMOTE_ADDR="127.0.0.1").get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="::1").get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="203.0.113.9").get("/metrics").status_code == 401
    settings.HTTPS = True  # a proxy that the web server was not told of: everybody comes from this machine
    assert Client(REMOTE_ADDR="127.0.0.1").get("/metrics").status_code == 401
