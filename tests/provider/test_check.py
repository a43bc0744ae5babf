"""Test my key: what is found on servers that know all, less or nothing, and whether the call of a batch works there."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from claude import current_models
from provider import table
from provider.check import check
from provider.models import Finding
from tests.claude.odd_server import Answering, failure, message, odd_server
from tests.factories import MODEL, make_model, make_price
from tests.support.simulator import RunningSimulator

pytestmark = pytest.mark.django_db
KEY = "sk-ant-a-secret-key-wxyz"
USUAL = {
    "counts_tokens": True,
    "lists_models": True,
    "schema": "enforced",
    "any_model": False,
    "clock_offset": 0,
    "latency": 0,
}


@pytest.fixture
def server(simulator: RunningSimulator, settings: Settings) -> Iterator[RunningSimulator]:
    """The simulator as what ANTHROPIC_BASE_URL names."""
    simulator.reset()
    settings.DEMO = False
    settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = simulator.url, KEY
    yield simulator
    simulator.options(**USUAL)
    simulator.reset()


def use_model(settings: Settings, name: str) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, anthropic_model=name)


def said(finding: Finding) -> dict[str, tuple[bool | None, str]]:
    return {line["name"]: (line["good"], line["says"]) for line in finding.report["lines"]}


def paid(server: RunningSimulator) -> list[dict[str, Any]]:
    return [each for each in server.ledger() if each["status"] == 200]


def test_all_is_well(server: RunningSimulator) -> None:
    """The call is the one that a batch makes, with its limit of tokens and a schema; here it is not streamed."""
    finding = check()
    assert (finding.works, finding.counts_tokens, finding.structured_outputs) == (True, True, True)
    lines = said(finding)
    assert lines["Key"] == (True, "accepted")
    assert lines["Model"] == (True, f"{MODEL} is known")
    assert lines["Simulator"][1].startswith("our simulator")
    assert lines["A batch's call"] == (True, "answered")
    assert lines["This check"][1].startswith("one short call was made, as a batch makes it, for $0.")
    assert 0 <= finding.report["latency_ms"] < 20_000
    assert [each["stream"] for each in paid(server)] == [False]
    assert KEY not in json.dumps(finding.report)
    assert finding.report["key"] == "…wxyz"


def test_a_server_without_count_tokens(server: RunningSimulator) -> None:
    server.options(counts_tokens=False)
    finding = check()
    assert (finding.works, finding.counts_tokens, finding.structured_outputs) == (True, False, True)
    assert "estimates go by characters" in said(finding)["count_tokens"][1]
    assert not current_models.find_card(MODEL).counts_tokens
    server.options(counts_tokens=True)
    check()
    assert current_models.find_card(MODEL).counts_tokens


def test_a_server_without_a_list_of_models(server: RunningSimulator) -> None:
    server.options(lists_models=False)
    finding = check()
    assert (finding.works, finding.counts_tokens, finding.structured_outputs) == (True, True, True)


def test_the_call_is_streamed_where_a_batch_streams(server: RunningSimulator, settings: Settings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, anthropic_max_tokens=10_000)
    assert said(check())["A batch's call"] == (True, "answered, as a stream")
    assert [each["stream"] for each in paid(server)] == [True]


@pytest.mark.parametrize("fault", ["stream_truncated", "stream_malformed", "stream_error"])
def test_a_server_whose_streams_break_does_not_work(
    server: RunningSimulator, settings: Settings, fault: str
) -> None:
    """All free calls are well, so only the call of a batch tells."""
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, anthropic_max_tokens=10_000)
    server.faults([{"kind": fault, "times": 0}])
    finding = check()
    assert not finding.works
    assert (said(finding)["Key"][0], said(finding)["A batch's call"][0]) == (True, False)


def test_a_server_that_counts_a_schema_but_does_not_take_it(settings: Settings) -> None:
    """As gateways to other clouds do: the free calls are well, and every call of a batch would be refused."""

    def gateway(request: Answering) -> None:
        body = request.server_state.seen[-1].body
        if "max_tokens" not in body:
            return request.answer(200, b'{"input_tokens": 20}')
        if "format" in body.get("output_config", {}):
            words = "output_config.format: Extra inputs are not permitted"
            return request.answer(400, failure("invalid_request_error", words))
        return request.answer(200, message())

    with odd_server(gateway) as odd:
        settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = odd.url, KEY
        finding = check()
    assert (finding.works, finding.counts_tokens, finding.structured_outputs) == (True, True, False)
    assert not current_models.find_card(MODEL).structured_outputs


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            400,
            failure("invalid_request_error", "You have reached your workspace API usage limits"),
            "billing",
        ),
        (403, failure("permission_error", "No generation for you"), "No generation for you"),
        (200, failure("overloaded_error", "Overloaded"), "Overloaded"),
        (200, message(content=[{"type": "thinking", "thinking": "Hm"}]), "thinking and no text"),
        (200, message(content=[]), "without text"),
    ],
)
def test_what_only_a_call_that_generates_meets(
    settings: Settings, status: int, body: bytes, words: str
) -> None:
    def gateway(request: Answering) -> None:
        if "max_tokens" in request.server_state.seen[-1].body:
            return request.answer(status, body)
        return request.answer(200, b'{"input_tokens": 20}')

    with odd_server(gateway) as odd:
        settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = odd.url, KEY
        finding = check()
    assert not finding.works
    assert words in " ".join(says for _, says in said(finding).values())


def test_a_server_that_reports_no_tokens_works_and_that_is_said(settings: Settings) -> None:
    with odd_server(lambda request: request.answer(200, message(usage=None))) as odd:
        settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = odd.url, KEY
        finding = check()
    assert finding.works
    assert "books them itself" in said(finding)["A batch's call"][1]


def test_a_server_that_refuses_schemas(server: RunningSimulator) -> None:
    server.options(schema="refused", lists_models=False)
    finding = check()
    assert (finding.works, finding.counts_tokens, finding.structured_outputs) == (True, True, False)
    assert "asked for in words" in said(finding)["Structured outputs"][1]
    assert not current_models.find_card(MODEL).structured_outputs


def test_a_server_with_nothing_but_messages(server: RunningSimulator, settings: Settings) -> None:
    server.options(counts_tokens=False, lists_models=False, schema="refused", any_model=True)
    make_price(model=make_model(name="qwen-3", structured_outputs=True), free=True)
    table.publish()
    use_model(settings, "qwen-3")
    finding = check()
    assert (finding.works, finding.counts_tokens, finding.structured_outputs) == (True, False, False)
    assert len(paid(server)) == 1
    assert "one short call" in said(finding)["This check"][1]
    assert said(finding)["Price"] == (True, "marked as costing nothing")


def test_without_a_price_no_call_is_made_that_may_cost_something(
    server: RunningSimulator, settings: Settings
) -> None:
    server.options(counts_tokens=False, lists_models=False, any_model=True)
    make_model(name="qwen-3")
    table.publish()
    use_model(settings, "qwen-3")
    finding = check()
    assert not finding.works
    assert paid(server) == []
    assert "only free calls" in said(finding)["This check"][1]
    assert "price" in said(finding)["Key"][1]


def test_a_model_that_the_server_does_not_know(server: RunningSimulator, settings: Settings) -> None:
    make_price(model=make_model(name="qwen-3"))
    table.publish()
    use_model(settings, "qwen-3")
    finding = check()
    assert not finding.works
    assert said(finding)["Key"][0] is True
    assert "does not know qwen-3" in said(finding)["Model"][1]
    assert server.ledger() == []


def test_a_model_without_a_row_says_what_to_do(server: RunningSimulator, settings: Settings) -> None:
    server.options(any_model=True, lists_models=False)
    use_model(settings, "nobodys")
    finding = check()
    assert not finding.works
    assert "Admin, Models" in said(finding)["Model"][1]
    assert said(finding)["Price"][0] is False


def test_a_retired_model_names_its_successor(server: RunningSimulator, settings: Settings) -> None:
    use_model(settings, "claude-opus-4-0")
    finding = check()
    assert not finding.works
    assert "claude-opus-5-5" in said(finding)["Model"][1]


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")
def test_a_coming_retirement_is_told(
    server: RunningSimulator, settings: Settings, set_today: Callable[[date], None]
) -> None:
    alive = datetime(2026, 11, 28, tzinfo=UTC)
    set_today(alive.date())
    server.options(clock_offset=(alive - datetime.now(UTC)).total_seconds())
    use_model(settings, "claude-sonnet-4-5")
    assert "it retires on 2026-11-30" in said(check())["Model"][1]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key(settings: Settings, status: int) -> None:
    def refuse(request: Answering) -> None:
        request.answer(status, failure("authentication_error", f"bad key {KEY}"))

    with odd_server(refuse) as odd:
        settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = odd.url, KEY
        finding = check()
        assert len(odd.seen) == 1
    assert not finding.works
    assert said(finding)["Key"][0] is False
    assert "Check ANTHROPIC_API_KEY" in said(finding)["Key"][1]
    assert KEY not in json.dumps(finding.report)


def test_html_is_no_answer(settings: Settings) -> None:
    def page(request: Answering) -> None:
        request.answer(200, b"<html>It works</html>", type_="text/html")

    with odd_server(page) as odd:
        settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = odd.url, KEY
        finding = check()
    assert not finding.works
    assert "web page" in said(finding)["Connection"][1]


def test_nobody_there_and_a_server_that_is_silent(settings: Settings) -> None:
    settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = "http://127.0.0.1:1", KEY
    finding = check()
    assert not finding.works
    assert "No connection" in said(finding)["Connection"][1]

    def silent(request: Answering) -> None:
        request.server_state.stop.wait(60)

    with odd_server(silent) as odd:
        settings.CLAUDE_BASE_URL = odd.url
        finding = check(deadline_s=0.5)
    assert not finding.works
    assert said(finding)["Connection"][0] is False


@pytest.mark.parametrize("key", ["", "kéy-with-an-accent"])
def test_a_key_that_cannot_be_sent(server: RunningSimulator, settings: Settings, key: str) -> None:
    settings.CLAUDE_API_KEY = key
    finding = check()
    assert (finding.works, said(finding)["Key"][0]) == (False, False)


# --- the command -----------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str]:
    with pytest.raises(SystemExit) as ended:
        call_command("check_provider", *arguments)
    return ended.value.code, capsys.readouterr().out


def test_the_command_tells_and_ends_with_0_or_1(
    server: RunningSimulator, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = run(capsys)
    assert code == 0
    assert "yes  Key: accepted" in out
    assert KEY not in out
    use_model(settings, "gpt-9")
    code, out = run(capsys)
    assert code == 1
    assert "NO   Model" in out


def test_the_command_as_json(server: RunningSimulator, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "--json")
    report: dict[str, Any] = json.loads(out)
    assert (code, report["works"], report["model"], report["simulated"]) == (0, True, MODEL, True)
    assert {line["name"] for line in report["lines"]} >= {"Key", "Model", "Price", "count_tokens"}


def test_the_command_tests_a_workspaces_key_by_its_name(
    server: RunningSimulator, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.CLAUDE_NAMED_KEYS = {"research": "sk-ant-of-research-abcd"}
    code, out = run(capsys, "--key", "research")
    assert code == 0
    assert "key …abcd" in out
    with pytest.raises(CommandError, match="ANTHROPIC_API_KEY_OTHER is not set"):
        call_command("check_provider", "--key", "other")
