"""ETags, and what `If-Match` says."""

from uuid import UUID

import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from lib.api.etags import StaleETag, check_match, make_etag, read_match

STATE = {"id": UUID(int=1), "name": "a", "tags": []}
OTHER = {**STATE, "name": "b"}


def ask(match: str | None) -> Request:
    headers = {} if match is None else {"if-match": match}
    return Request(RequestFactory().patch("/", headers=headers))


def test_the_same_state_has_the_same_one() -> None:
    assert make_etag(STATE) == make_etag(dict(reversed(STATE.items())))
    assert make_etag(STATE) != make_etag(OTHER)
    assert make_etag(STATE)[0] == make_etag(STATE)[-1] == '"'
    assert make_etag({"text": "\ud800"}), "whatever a text holds"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, []),
        ("", []),
        ('"a"', ['"a"']),
        ("a", ['"a"']),
        ('W/"a" , "b"', ['"a"', '"b"']),
        ("*", ["*"]),
    ],
)
def test_reading_the_header(header: str | None, found: list[str]) -> None:
    assert read_match(ask(header)) == found


@pytest.mark.parametrize("header", [None, "*", make_etag(STATE), f'"x", {make_etag(STATE)}'])
def test_what_fits_passes(header: str | None) -> None:
    check_match(ask(header), lambda: STATE)


@pytest.mark.parametrize("header", ['"x"', make_etag(OTHER)])
def test_what_does_not_is_stale(header: str) -> None:
    with pytest.raises(StaleETag, match="changed since you read it"):
        check_match(ask(header), lambda: STATE)
