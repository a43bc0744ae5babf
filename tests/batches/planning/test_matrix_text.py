"""The text areas of a matrix: as many lines as a matrix may have, and no more."""

from batches.planning.sources.matrix_text import PatternReader, values_of


def test_lines_beyond_the_bound_are_not_read() -> None:
    """Each of a million lines would get a problem of its own."""
    reader = PatternReader({"tone": ["calm"]})
    assert reader.read_excluded("calm\n" * 2_001) == reader.read_quotas("1 | calm\n" * 2_001) == []
    assert [str(problem) for problem in reader.problems] == [
        "column exclude: has more than 2,000 lines; use fewer.",
        "column quotas: has more than 2,000 lines; use fewer.",
    ]
    assert len(values_of("a\n" * 1_000_000)) == 2_001


def test_a_line_of_many_bars_is_no_combination() -> None:
    reader = PatternReader({"tone": ["calm"]})
    assert reader.read_excluded("calm |" * 21) == []
    assert [str(problem) for problem in reader.problems] == [
        "row 1, column exclude: has more than 20 bars; write one value of each list."
    ]
    assert reader.read_excluded("\n\ncalm | calm\n") == [{"tone": "calm"}]
