"""The report of a check: counts, the first ids, and measures of the whole, in constant memory."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from exports.formats import FORMATS, Example, FormatOptions, Pair
from exports.preflight import Limits, check_file, run_preflight
from exports.preflight.report import MOST_IDS
from exports.preflight.selection import MOST_CHARACTERS, MOST_OF_ONE, MOST_SAMPLED, Sample
from tests.exports.formats.examples import make_example, make_turns, write


def make_many(count: int, **fields: Any) -> Iterator[Example]:
    for at in range(count):
        yield make_example(f"Q{at}", f"A{at}", id=f"c{at}", **fields)


def test_a_clean_selection_has_no_finding_and_is_not_blocked() -> None:
    metadata = {"tier": "template", "persona": "Anna", "status": "approved", "split": "train"}
    report = run_preflight(make_many(12, metadata=metadata), Limits(splits=("train", "test")))
    assert (report.findings, report.blocked) == ((), False)
    assert (report.conversations, report.turns) == (12, 24)
    assert (report.tiers, report.personas, report.splits) == ({"template": 12}, {"Anna": 12}, {"train": 12})


def test_a_finding_counts_all_and_names_the_first() -> None:
    report = run_preflight(make_many(MOST_IDS + 5, metadata={"simulated": True}), Limits())
    [found] = report.findings
    assert (found.rule.name, found.count) == ("simulated", MOST_IDS + 5)
    assert found.ids == tuple(f"c{at}" for at in range(MOST_IDS))


def test_findings_that_block_come_first() -> None:
    report = run_preflight([make_example("Q", metadata={"simulated": True})], Limits())
    assert [each.rule.severity for each in report.findings] == ["blocks", "warns", "warns"]
    assert report.blocked


def test_a_conversation_counts_once_for_a_rule() -> None:
    pair = Pair("x", make_turns("Q\x07", "A\x07"), make_turns("Q\x07", "B\x07"))
    [found] = [
        each
        for each in run_preflight([pair], Limits(format="preference")).findings
        if each.rule.name == "odd_characters"
    ]
    assert found.count == 1


def test_of_a_pair_only_what_is_written_is_checked() -> None:
    """The turns after the answer that differs stand in no row."""
    pair = Pair("x", make_turns("Q", "A", ""), make_turns("Q", "B", "C"), metadata={"status": "approved"})
    assert find_names([pair]) == {"too_few"}


def test_lengths_are_estimated_as_elsewhere_and_counted_in_bands() -> None:
    sizes = (100, 1_024, 1_026, 100_000)
    examples = [make_example("Q" * (size // 2), "A" * (size // 2), id=str(size), system="") for size in sizes]
    report = run_preflight(examples, Limits())
    assert report.tokens == sum(sizes) // 2
    assert report.longest == 50_000
    assert {bound: count for bound, count in report.bands.items() if count} == {512: 2, 1_024: 1, None: 1}


def test_the_report_is_plain_json_and_the_same_each_time() -> None:
    first, second = (
        json.dumps(run_preflight(make_many(30, metadata={"tier": "scenario"}), Limits()).to_json())
        for _ in "12"
    )
    assert first == second
    assert json.loads(first)["coverage"]["by_tier"] == {"scenario": 30}
    assert json.loads(first)["diversity"]["conversations"] == 30


def test_the_sample_is_evenly_spread_over_a_stream_of_unknown_length() -> None:
    sample = Sample()
    for at in range(10 * MOST_SAMPLED):
        sample.add(make_example(str(at)))
    held = [int(turns[0].content) for turns in sample._held]
    assert MOST_SAMPLED // 2 <= len(held) <= MOST_SAMPLED
    assert len({later - earlier for earlier, later in pairwise(held)}) == 1


def test_the_sample_holds_no_more_text_than_can_be_measured() -> None:
    sample, long = Sample(), "a" * MOST_OF_ONE
    for at in range(MOST_SAMPLED):
        sample.add(make_example(str(at), long, "not read"))
    held = [[turn.content for turn in turns] for turns in sample._held]
    assert MOST_CHARACTERS // 2 < sum(len(text) for texts in held for text in texts) <= MOST_CHARACTERS
    assert all(len(answer) < MOST_OF_ONE and not rest for _, answer, rest in held)


def test_pairs_of_one_conversation_are_neither_duplicates_nor_near_duplicates() -> None:
    chosen = make_turns("Q", "A")
    pairs = [
        Pair(f"x-v{number}", chosen, make_turns("Q", f"B{number}"), metadata={"group": "g"})
        for number in (1, 2)
    ]
    # Another conversation with the same approved side, and one that resembles them.
    pairs.append(Pair("y-v1", chosen, make_turns("Q", "C"), metadata={"group": "g"}))
    assert find_names(pairs) == {"too_few"}
    assert find_names([*pairs, replace(pairs[0], id="z-v1")]) == {"too_few", "duplicates"}
    pairs.append(Pair("z-v1", make_turns("Q", "A."), make_turns("Q", "C"), metadata={"group": "g"}))
    assert find_names(pairs) == {"too_few", "near_duplicates"}


def find_names(pairs: list[Pair]) -> set[str]:
    return {each.rule.name for each in run_preflight(pairs, Limits(format="preference")).findings}


def test_memory_grows_by_some_hundred_bytes_a_conversation() -> None:
    texts = ("Q" * 2_000, "A" * 2_000)
    examples = (make_example(*texts, id=f"c{at}", metadata={"group": f"g{at}"}) for at in range(3_000))
    tracemalloc.start()
    try:
        run_preflight(examples, Limits())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12_000_000 // 2  # all texts together would be 12 MB


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.suffix == ".jsonl"])
def test_what_our_writers_make_passes_the_check_of_files(name: str) -> None:
    odd = "\u2028\x85\r\n\ufeff\ud800\x00"
    records: list[Any] = [make_example(odd, odd, label=True)] * 3
    if FORMATS[name].takes == "pairs":
        records = [Pair("x", make_turns("Q", odd), make_turns("Q", f"{odd}!"))]
    content, writer = write(name, *records)
    assert check_file(io.BytesIO(content), rows=writer.rows) == ()


def test_limits_know_whether_metadata_are_written() -> None:
    assert not Limits().writes_metadata
    assert Limits(options=FormatOptions(metadata=True)).writes_metadata
    assert Limits(format="csv").writes_metadata
