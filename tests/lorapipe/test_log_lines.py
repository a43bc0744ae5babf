"""No line of the log holds a sign-in link that still works, a key, a token, a password or a cookie."""

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
from lorapipe.web_server.log import MaskingLogger
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


SECRET = "Zq3vT0KENx9Kd7LmP2"


@pytest.mark.parametrize(
    "text",
    [
        f"the key sk-ant-api03-{SECRET} was refused",
        f"('sk-{SECRET}',)",
        f"token=lp_{SECRET}",
        f"hf_{SECRET}",
        f"whsec_{SECRET}==",
        f"Authorization: Bearer {SECRET}",
        f"authorization: {SECRET}",
        f"Proxy-Authorization: Basic {SECRET}==",
        f"{{'Authorization': 'Token {SECRET}', 'Accept': '*/*'}}",
        f"[(b'authorization', b'Bearer {SECRET}'), (b'accept', b'*/*')]",
        f"X-Api-Key: {SECRET}",
        f"Headers({{'x-api-key': '{SECRET}'}})",
        f"(b'x-api-key', b'{SECRET}')",
        f"Cookie: theme=dark; sessionid={SECRET}; csrftoken={SECRET}",
        f"Set-Cookie: __Host-sessionid={SECRET}; Path=/",
        f"{{'cookie': 'sessionid={SECRET}'}}",
        f"csrfmiddlewaretoken={SECRET}&name=x",
        f"api_key='{SECRET}', model='x'",
        f'{{"password": "{SECRET}"}}',
        f"api_key={SECRET}&own_key={SECRET}",
        f"could not connect to postgresql://owner:{SECRET}@127.0.0.1:5432/lorapipe",
        f"redis://:{SECRET}@127.0.0.1/0",
    ],
)
def test_secrets_are_masked_by_how_they_look(text: str, lines: io.StringIO) -> None:
    logging.getLogger("x").warning("%s", text)
    try:
        raise ValueError(text)
    except ValueError:
        logging.getLogger("x").exception("failed")
    assert SECRET not in lines.getvalue()
    assert lines.getvalue().count("…") >= 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANTHROPIC_API_KEY", SECRET),
        ("ANTHROPIC_API_KEY_RESEARCH", SECRET),
        ("SECRET_KEY", SECRET),
        ("LORAPIPE_ENCRYPTION_KEYS", f"another-key, {SECRET}"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("HF_TOKEN", SECRET),
        ("DATABASE_URL", f"postgresql://owner:{SECRET}@db/lorapipe"),
        ("REDIS_URL", f"redis://:{SECRET}@cache/0"),
    ],
)
def test_what_the_environment_holds_is_masked_whatever_it_looks_like(
    name: str, value: str, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    logging.getLogger("x").warning("it said: <%s>", SECRET)
    assert "it said: <…>" in lines.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "The CSRF cookie is not set.",
        "job risk-based-planning paused: authorization was refused",
        "http://127.0.0.1:8000/settings/?workspace=1 took 3 ms",
        "tokens: 120, input_tokens=12, the token of the Hub was removed",
        "lp_short hf_ sk-",
        "user@example.com wrote to https://example.com/a:b",
    ],
)
def test_ordinary_words_stay(text: str, lines: io.StringIO) -> None:
    logging.getLogger("x").warning(text)
    assert text in lines.getvalue()


def test_a_short_value_of_the_environment_masks_no_words(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "unused")
    monkeypatch.setenv("HF_TOKEN", "")
    logging.getLogger("x").warning("an unused index")
    assert "an unused index" in lines.getvalue()


def test_gunicorn_writes_its_lines_in_the_same_form() -> None:
    from gunicorn.config import Config  # noqa: PLC0415  (a developer's machine may have no gunicorn)

    found = MaskingLogger(Config())
    assert {type(each.formatter) for each in found.error_log.handlers} == {MaskingFormatter}
