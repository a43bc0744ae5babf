"""What the prompts of a plan share, and when marking it saves: by length, by number, by how far apart the calls are."""

from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batches.planning.estimate.sharing import Beginning, cut_to_common, find_shared_prefixes
from claude.messages import Request

ON = date(2026, 11, 27)
RULES = "Keep to these rules, all of them, always.\n" * 60  # 2,520 characters: more than 4 x 512


def asked(prompt: str, *, system: str = "", model: str = "claude-sonnet-5-5") -> Request:
    return Request(model=model, max_tokens=8192, prompt=prompt, system=system)


def planned(versions: list[UUID]) -> list[Any]:
    return [SimpleNamespace(version=SimpleNamespace(pk=version)) for version in versions]


def prefixes(
    requests: list[Request], *, seconds: float = 60, concurrency: int = 10, versions: list[UUID] | None = None
) -> dict[str, dict[str, Any]]:
    plan = planned(versions or [uuid4()] * len(requests))
    of_version: dict[UUID, list[Request]] = {}
    for item, request in zip(plan, requests, strict=True):
        of_version.setdefault(item.version.pk, []).append(request)
    beginnings = {version: begin(some) for version, some in of_version.items()}
    return find_shared_prefixes(plan, beginnings, seconds=seconds, concurrency=concurrency, on=ON)


def begin(requests: list[Request]) -> Beginning:
    found = Beginning(requests[0])
    for request in requests[1:]:
        found.add(request)
    return found


@pytest.mark.parametrize(
    ("texts", "shared"),
    [
        (["Rules.\nTopic: a", "Rules.\nTopic: b"], "Rules.\nTopic: "),
        (["Rules of the house.\nabc", "Rules of the house.\nabd"], "Rules of the house.\n"),
        (["Topic: savings", "Topic: saving up"], "Topic: "),
        (["same", "same"], "same"),
        (["one", "two"], ""),
        (["word", "words"], ""),
        (["", "a"], ""),
    ],
)
def test_a_text_is_parted_behind_a_line_or_a_word(texts: list[str], shared: str) -> None:
    found = begin([asked(text) for text in texts]).count_characters()
    assert texts[0][:found] == shared


def test_the_prompt_counts_only_behind_a_system_prompt_that_is_the_same() -> None:
    same = [asked("Do a", system="Be brief. "), asked("Do b", system="Be brief. ")]
    assert begin(same).count_characters() == len("Be brief. Do ")
    different = [asked("Do a", system="You are Al"), asked("Do a", system="You are Bo")]
    assert begin(different).count_characters() == len("You are ")


@given(st.lists(st.tuples(st.text("ab \n"), st.text("ab \n")), min_size=1, max_size=6))
def test_what_is_shared_is_shared_by_all(texts: list[tuple[str, str]]) -> None:
    requests = [asked(prompt, system=system) for system, prompt in texts]
    count = begin(requests).count_characters()
    same = all(each.system == requests[0].system for each in requests)
    begins = {(each.system + each.prompt if same else each.system)[:count] for each in requests}
    assert len(begins) == 1


@given(st.text("ab"), st.text("ab"))
def test_the_common_beginning_is_the_longest(one: str, other: str) -> None:
    found = cut_to_common(one, other)
    assert one.startswith(found)
    assert other.startswith(found)
    rest = one[len(found) :], other[len(found) :]
    assert "" in rest or rest[0][0] != rest[1][0]


def many(n: int, *, rules: str = RULES, model: str = "claude-sonnet-5-5") -> list[Request]:
    return [asked(f"{rules}Topic: {number}", model=model) for number in range(n)]


def test_a_long_shared_beginning_is_marked() -> None:
    [found] = prefixes(many(5)).values()
    assert found == {"characters": len(RULES), "lifetime": "5m"}


def test_one_item_or_a_short_beginning_is_not() -> None:
    assert prefixes(many(1)) == {}
    assert prefixes(many(5, rules="Short. ")) == {}


@pytest.mark.parametrize(
    ("model", "is_marked"),
    [
        ("claude-sonnet-5-5", True),  # from 512 tokens on
        ("claude-opus-4-8", False),  # 1,024
        ("claude-haiku-4-5", False),  # 4,096
        ("llama-3.3-70b", False),
    ],
)
def test_each_model_has_its_least_length(model: str, *, is_marked: bool) -> None:
    assert bool(prefixes(many(5, model=model))) is is_marked


def test_each_template_version_has_its_own() -> None:
    one, two, three = uuid4(), uuid4(), uuid4()
    other = [asked(f"{RULES}And more.\nTopic: {n}") for n in range(2)]
    found = prefixes([*many(2), *other, asked(RULES)], versions=[one, one, two, two, three])
    assert found[str(two)]["characters"] > found[str(one)]["characters"]
    assert str(three) not in found


def test_an_hour_is_bought_when_the_calls_are_far_apart_and_nothing_when_it_does_not_pay() -> None:
    minutes = 60.0
    assert prefixes(many(10), seconds=10 * 2 * minutes)  # every 2 minutes
    [found] = prefixes(many(10), seconds=10 * 10 * minutes).values()
    assert found["lifetime"] == "1h"
    assert prefixes(many(10), seconds=10 * 90 * minutes) == {}
    assert prefixes(many(2), seconds=2 * 10 * minutes) == {}, (
        "a write for 2.0 and a read are more than two inputs"
    )


def test_a_call_that_takes_longer_than_five_minutes_needs_the_hour() -> None:
    """The second call starts when the first one's reply is there, and an entry lives from a request's start."""
    [found] = prefixes(many(10), seconds=400, concurrency=10).values()
    assert found["lifetime"] == "1h", "one write for 2.0 is cheaper than two for 1.25"
    [found] = prefixes(many(10), seconds=4000, concurrency=1).values()
    assert found["lifetime"] == "1h"
