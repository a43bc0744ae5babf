"""Measures of a text and of a set, compared with their definitions."""

from conversations.parsing import TurnDraft
from conversations.quality.diversity import measure_diversity
from conversations.quality.metrics import (
    compute_uniqueness,
    measure_compression,
    measure_distinct,
    measure_vocabulary,
)
from tests.conversations.quality.demo import write_demo, write_demo_turns


def test_vocabulary_is_the_mean_over_all_windows() -> None:
    words = [word for each in write_demo()[:3] for word in each][:400]
    windows = [words[at : at + 50] for at in range(len(words) - 49)]
    expected = sum(len(set(window)) / 50 for window in windows) / len(windows)
    assert measure_vocabulary(words) == round(expected, 3)
    assert measure_vocabulary(["same"] * 50) == 0.02
    assert measure_vocabulary(["few"] * 49) is None


def test_distinct_runs_and_compression() -> None:
    assert measure_distinct([["a", "b", "a", "b"]], 2) == 0.667
    assert measure_distinct([["a"], ["b"]], 2) is None
    assert measure_compression([]) is None
    repeated, varied = (
        measure_compression(["the same " * 100]),
        measure_compression([" ".join(write_demo()[0])]),
    )
    assert repeated is not None
    assert varied is not None
    assert repeated > 10 > varied > 1


def test_uniqueness_is_what_is_not_shared() -> None:
    assert [compute_uniqueness(each) for each in (0.0, 0.25, 1.0)] == [10.0, 7.5, 0.0]


def test_the_diversity_of_a_set() -> None:
    demo = write_demo_turns()
    measured = measure_diversity(demo)
    assert measured.conversations == 90
    assert measured.distinct[1] is not None
    assert measured.distinct[3] is not None
    assert measured.distinct[1] < measured.distinct[3] < 1
    same = measure_diversity([demo[0]] * 5)
    assert same.openings[0][1] == 5
    assert same.compression is not None
    assert measured.compression is not None
    assert same.compression > measured.compression
    assert measure_diversity([]).openings == []


def test_days_months_and_holidays_are_no_names() -> None:
    said = [TurnDraft("user", "I met Priya on Monday, in May, at Easter or on Saturdays, and Omar.")] * 2
    assert measure_diversity([said, said]).names == [("Omar", 2), ("Priya", 2)]


def test_names_are_counted_once_in_a_conversation_and_not_at_the_start_of_a_sentence() -> None:
    turns = [
        TurnDraft("user", "My friend Marta and I. Then Marta said yes."),
        TurnDraft("assistant", "Then do it."),
    ]
    assert measure_diversity([turns, turns]).names == [("Marta", 2)]
