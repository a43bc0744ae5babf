"""Sessions end after a time without a request, and some time after signing in at the latest."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from workspaces import sessions

pytestmark = pytest.mark.django_db


def is_in(client: Client) -> bool:
    return client.get("/settings/terms/").status_code == 200


def age(client: Client, seconds: float) -> None:
    """As if the session had not been written for so long."""
    row = Session.objects.get(session_key=client.session.session_key)
    Session.objects.filter(pk=row.pk).update(expire_date=row.expire_date - timedelta(seconds=seconds))


def store_began(client: Client, moment: int | None) -> None:
    """As if the session had begun then, or in a version that did not say when."""
    data = Session.objects.get().get_decoded()
    data[sessions.BEGAN] = moment
    kept = {name: value for name, value in data.items() if value is not None}
    Session.objects.update(session_data=client.session.encode(kept))


def test_without_a_request_it_ends(signed_in: Client, settings: Settings) -> None:
    age(signed_in, settings.SESSION_COOKIE_AGE - 60)
    assert is_in(signed_in)
    age(signed_in, settings.SESSION_COOKIE_AGE + 60)
    assert not is_in(signed_in)


def test_a_request_makes_the_time_begin_again_but_not_each_writes(
    signed_in: Client, settings: Settings
) -> None:
    def read_end() -> Any:
        return Session.objects.get().expire_date

    before = read_end()
    is_in(signed_in)
    assert read_end() == before, "not written again within a part of the time"
    age(signed_in, settings.SESSION_COOKIE_AGE / 2)
    is_in(signed_in)
    assert read_end() - timezone.now() > timedelta(seconds=settings.SESSION_COOKIE_AGE - 3600)


def test_it_ends_at_last_however_much_it_is_used(signed_in: Client, settings: Settings) -> None:
    began = signed_in.session[sessions.BEGAN]
    store_began(signed_in, began - settings.SESSION_MAX_AGE + 600)
    assert is_in(signed_in)
    store_began(signed_in, began - settings.SESSION_MAX_AGE - 600)
    assert not is_in(signed_in)
    assert not Session.objects.exists(), "the row is gone too"


def test_a_session_of_an_older_version_is_counted_from_now_on(signed_in: Client) -> None:
    store_began(signed_in, None)
    assert is_in(signed_in)
    assert sessions.BEGAN in Session.objects.get().get_decoded()


def test_the_defaults(settings: Settings) -> None:
    assert settings.SESSION_ENGINE == "workspaces.sessions"
    assert (settings.SESSION_COOKIE_AGE, settings.SESSION_MAX_AGE) == (7 * 86400, 30 * 86400)
