"""Log lines in JSON."""

import json
import logging
import sys

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from lorapipe.log_lines import MaskingFormatter
from lorapipe.middleware import RequestIdMiddleware
from lorapipe.operation.json_lines import JsonFormatter


def make_record(message: str, *args: object, exc_info: object = None) -> logging.LogRecord:
    return logging.LogRecord("a.b", logging.WARNING, "x.py", 1, message, args, exc_info)  # type: ignore[arg-type]


def test_an_event_is_one_line_of_json_with_its_traceback() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = make_record("it %s\nfailed", "really", exc_info=sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == ("WARNING", "a.b", "it really\nfailed")
    assert "ValueError: two\nlines" in told["traceback"]
    assert told["time"].endswith("+00:00")
    assert "requestId" not in told


def test_it_masks_as_the_lines_for_people() -> None:
    record = make_record("%s", '"/sign-in/T0KEN/"')
    assert "T0KEN" not in JsonFormatter().format(record)
    assert "T0KEN" not in MaskingFormatter("%(message)s").format(record)


def test_both_forms_tell_the_request() -> None:
    told = list[str]()

    def answer(_: object) -> HttpResponse:
        told.append(json.loads(JsonFormatter().format(make_record("x")))["requestId"])
        told.append(MaskingFormatter("%(message)s").format(make_record("x")))
        return HttpResponse()

    RequestIdMiddleware(answer)(RequestFactory().get("/", headers={"X-Request-Id": "request-4711"}))
    assert told == ["request-4711", "x (request request-4711)"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/conversations/", "/api/conversations"])
def test_a_fault_has_a_reference_that_is_in_the_log(
    path: str, signed_in: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("inside")

    signed_in.raise_request_exception = False
    monkeypatch.setattr("conversations.models.ConversationQuerySet.visible_to", break_down)
    lines = list[str]()
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(MaskingFormatter("%(message)s").format(record))  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        answer = signed_in.get(path)
    finally:
        logging.getLogger().removeHandler(handler)
    reference = answer["X-Request-Id"]
    assert answer.status_code == 500
    assert reference in answer.text
    assert "inside" not in answer.text
    assert any("RuntimeError: inside" in line and reference in line for line in lines)
