"""What needs no socket: reading retry-after, storable messages, pickling with every field."""

import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from claude.errors import (
    Blocked,
    Busy,
    ClaudeError,
    Declined,
    Unusable,
    make_storable,
    retry_after,
)
from claude.meaning import from_response


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1000000000000"}, 86_400.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
    ],
)
def test_retry_after_in_seconds(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_as_a_date() -> None:
    inside = retry_after(
        {"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)}
    )
    assert inside is not None
    assert 55 < inside <= 60
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0


def test_a_message_can_be_stored() -> None:
    error = Declined("bad \x00 and \ud800" + "x" * 5_000, kind="invalid_request")
    assert str(error).startswith("bad \ufffd and \ufffdx")
    assert len(error.message) == 2_000
    assert make_storable("x\udfff\x00", limit=2) == "x\ufffd"


@pytest.mark.parametrize(
    "error",
    [
        Busy(
            "b",
            kind="overloaded",
            costs_attempt=False,
            status=529,
            request_id="r",
            body=b"x",
            retry_after=2.0,
        ),
        Blocked("b", kind="provider_billing", status=402),
        Declined("d", kind="declined", request_id="r"),
        Unusable("u", kind="unreadable", body=b"\xff\x00"),
    ],
)
def test_every_error_survives_pickling(error: ClaudeError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[1]",
        b'{"error": "text"}',
        b'{"error": {"message": 3, "details": []}}',
        b"\xff",
        b"[" * 200_000,
    ],
)
def test_any_body_gives_an_error_of_ours(body: bytes) -> None:
    assert isinstance(from_response(500, headers={}, body=body), Busy)
    assert isinstance(from_response(400, headers={}, body=body), Declined)
    assert isinstance(from_response(429, headers={}, body=body), Busy)


def test_a_rate_limit_with_a_spend_code_is_about_money_even_with_a_header() -> None:
    body = b'{"error": {"details": {"error_code": "enforced_spend_limit_reached"}}}'
    error = from_response(429, headers={"retry-after": "5"}, body=body)
    assert isinstance(error, Blocked)
    assert error.kind == "provider_billing"
