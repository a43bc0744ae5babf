"""The bill, the limit, the prompts, and the process itself."""

import asyncio
import hashlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from tests.claude.simulator.asking import PROMPT, ask, formatted, text_of
from tests.support.simulator import RunningSimulator

RATES = [
    ("claude-sonnet-5-5", "2", "10"),
    ("claude-opus-5-5", "4", "20"),
    ("claude-haiku-5-5", "0.10", "0.50"),
    ("claude-fable-5-2", "8", "40"),
    ("claude-sonnet-4-6", "3", "15"),
]
OPEN = 1000
ROOT = Path(__file__).parents[3]
Start = Callable[..., RunningSimulator]


@pytest.mark.parametrize(("model", "input_rate", "output_rate"), RATES)
def test_an_answer_is_billed(
    server: RunningSimulator, claude: Anthropic, model: str, input_rate: str, output_rate: str
) -> None:
    before = time.time()
    message = ask(claude, model=model, extra_headers={"x-client-request-id": "item-7-1"})
    [entry] = server.ledger()
    usage = message.usage
    cost = (Decimal(input_rate) * usage.input_tokens + Decimal(output_rate) * usage.output_tokens) / 1_000_000
    assert Decimal(entry["cost_usd"]) == cost
    assert entry["request_id"] == message._request_id
    assert entry["client_request_id"] == "item-7-1"
    assert entry["model"] == model
    assert (entry["input_tokens"], entry["output_tokens"]) == (usage.input_tokens, usage.output_tokens)
    assert (entry["status"], entry["billed"], entry["delivered"]) == (200, True, True)
    assert (entry["stop_reason"], entry["fault"]) == ("end_turn", None)
    assert before - 1 <= entry["received_at"] <= entry["answered_at"] <= time.time() + 1
    assert entry["prompt_sha256"] == hashlib.sha256(PROMPT.encode()).hexdigest()


def test_a_long_prompt_on_haiku_costs_five_times_as_much(server: RunningSimulator, claude: Anthropic) -> None:
    message = ask(claude, "Topic: savings " + "x" * 260_000, model="claude-haiku-5-5")
    usage = message.usage
    cost = (Decimal("0.5") * usage.input_tokens + Decimal("2.5") * usage.output_tokens) / 1_000_000
    assert Decimal(server.ledger()[-1]["cost_usd"]) == cost


def test_the_ledger_is_paged_and_emptied(server: RunningSimulator, claude: Anthropic) -> None:
    for number in range(3):
        ask(claude, f"{PROMPT} {number}")
    whole = server.ledger()
    page = httpx2.get(f"{server.url}/_simulator/ledger", params={"since": 2}).json()
    assert page == {"entries": whole[2:]}
    server.reset()
    assert server.ledger() == []


def test_a_request_in_flight_is_in_the_ledger(server: RunningSimulator, claude: Anthropic) -> None:
    server.options(latency=5)
    with pytest.raises(anthropic.APITimeoutError):
        ask(claude, timeout=0.3)
    [entry] = server.ledger()
    assert (entry["answered_at"], entry["status"], entry["billed"]) == (None, None, False)


def test_the_ledger_file_survives_a_kill(tmp_path: Path, started: Start) -> None:
    file = tmp_path / "ledger.jsonl"
    running = started("--ledger-file", str(file))
    with Anthropic(api_key="x", base_url=running.url, max_retries=0) as claude:
        ids = [ask(claude, f"{PROMPT} {number}")._request_id for number in range(3)]
    assert running.process is not None
    running.process.kill()
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    assert [entry["request_id"] for entry in entries] == ids
    assert all(entry["billed"] for entry in entries)


def test_prompts_are_kept_byte_for_byte_when_asked(server: RunningSimulator, claude: Anthropic) -> None:
    odd = "Topic: \u202eשלום 😀 {{x}} <b>&amp;</b> \r\n\ttab \u2028 \x7f" + "y" * 20_000
    ask(claude, odd)
    assert server.prompts() == []
    server.options(keep_prompts=True)
    ask(claude, odd, system="Write.")
    [kept] = server.prompts()
    assert (kept["prompt"], kept["system"]) == (odd, "Write.")
    ask(claude, "another")
    assert [one["prompt"] for one in server.prompts(limit=1)] == ["another"]


def test_a_request_limit(server: RunningSimulator, claude: Anthropic) -> None:
    server.options(rpm=60, burst=3)
    answers: list[str | None] = []
    for _ in range(5):
        try:
            answers.append(ask(claude).stop_reason)
        except anthropic.RateLimitError as error:
            headers = error.response.headers
            assert int(headers["retry-after"]) >= 1
            assert headers["anthropic-ratelimit-requests-limit"] == "60"
            assert headers["anthropic-ratelimit-requests-remaining"] == "0"
            answers.append("limited")
    assert answers == ["end_turn"] * 3 + ["limited"] * 2
    assert ask(claude, model="claude-haiku-5-5").stop_reason == "end_turn", "each pool has its own bucket"
    assert [entry["billed"] for entry in server.ledger()] == [True] * 3 + [False] * 2 + [True]


def test_the_limit_refills_continuously(server: RunningSimulator, claude: Anthropic) -> None:
    server.options(rpm=6000, burst=1)
    ask(claude)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            assert ask(claude).stop_reason == "end_turn"
        except anthropic.RateLimitError:
            continue
        return
    pytest.fail("the bucket was not refilled")


@pytest.mark.parametrize("options", [{"rpm": 0}, {"burst": 0}, {"latency": -1}, {"colour": "red"}])
def test_wrong_options_are_refused(server: RunningSimulator, options: dict[str, Any]) -> None:
    assert httpx2.post(f"{server.url}/_simulator/options", json=options).status_code == 400


def test_latency_varies_by_request_and_not_by_chance(server: RunningSimulator, claude: Anthropic) -> None:
    server.options(latency=0.2)
    for number in range(3):
        ask(claude, f"{PROMPT} {number}")
        ask(claude, f"{PROMPT} {number}")
    took = [entry["answered_at"] - entry["received_at"] for entry in server.ledger()]
    assert all(0.155 < seconds < 0.4 for seconds in took)


async def _ask_all(url: str) -> list[int]:
    body = {
        "model": "claude-haiku-5-5",
        "max_tokens": 8192,
        "messages": [{"role": "user", "content": PROMPT}],
        "output_config": formatted(),
    }
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}

    async def one(session: aiohttp.ClientSession, number: int) -> int:
        mine = {**body, "messages": [{"role": "user", "content": f"{PROMPT} {number}"}]}
        async with session.post(f"{url}/v1/messages", json=mine, headers=headers) as answer:
            assert (await answer.json())["stop_reason"] == "end_turn"
            return answer.status

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return await asyncio.gather(*(one(session, number) for number in range(OPEN)))


def test_a_thousand_open_requests(server: RunningSimulator) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    server.options(latency=2.0, jitter=0)
    before = time.monotonic()
    assert asyncio.run(_ask_all(server.url)) == [200] * OPEN
    assert time.monotonic() - before < 20
    entries = server.ledger()
    moments = sorted([(e["received_at"], 1) for e in entries] + [(e["answered_at"], -1) for e in entries])
    level = peak = 0
    for _, step in moments:
        level += step
        peak = max(peak, level)
    assert peak > OPEN * 0.6
    assert len({entry["request_id"] for entry in entries}) == OPEN


def test_it_ends_at_once_and_cleanly_with_calls_in_flight(started: Start) -> None:
    running = started("--latency", "30")
    assert running.process is not None
    with Anthropic(api_key="x", base_url=running.url, max_retries=0) as claude:
        with pytest.raises(anthropic.APITimeoutError):
            ask(claude, timeout=0.2)
        before = time.monotonic()
        running.stop()
    assert running.process.returncode == 0
    assert time.monotonic() - before < 2


def test_the_port_is_printed_first_and_written_whole(tmp_path: Path) -> None:
    file = tmp_path / "port"
    command = [sys.executable, "-m", "claude.simulator", "--port", "0", "--port-file", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith(f":{file.read_text()}")
        process.terminate()
    assert process.returncode == 0


def test_seed_by_command_line(started: Start) -> None:
    texts = set()
    for seed in ("1", "1", "2"):
        with Anthropic(api_key="x", base_url=started("--seed", seed).url, max_retries=0) as claude:
            texts.add(text_of(ask(claude)))
    assert len(texts) == 2
