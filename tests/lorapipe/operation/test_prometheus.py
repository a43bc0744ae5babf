"""Prometheus' text format: what its own parser reads of what is written here."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from lorapipe.operation.prometheus import Family, render_families


def parse(*families: Family) -> list[tuple[str, dict[str, str], float]]:
    found = text_string_to_metric_families(render_families(families))
    return [(each.name, each.labels, each.value) for family in found for each in family.samples]


def test_names_labels_and_values() -> None:
    family = Family("a_total_of", "gauge", "What it is.", [({"state": "x"}, 3), ({"state": "y"}, 0.25)])
    assert parse(family) == [("a_total_of", {"state": "x"}, 3.0), ("a_total_of", {"state": "y"}, 0.25)]


def test_money_is_written_whole() -> None:
    text = render_families([Family("usd", "gauge", "Money.", [({}, Decimal("0.000000001"))])])
    assert "usd 0.000000001\n" in text


def test_a_family_without_samples_is_there() -> None:
    assert render_families([Family("a", "gauge", "b", [])]) == "# HELP a b\n# TYPE a gauge\n"


@pytest.mark.parametrize("text", ['a "b"', "a\nb", "a\\nb", "\\", '"}', "é 😀", "a{b=c}, d"])
def test_a_label_comes_back_as_it_was(text: str) -> None:
    assert parse(Family("a", "gauge", text, [({"name": text, "other": "x"}, 1)])) == [
        ("a", {"name": text, "other": "x"}, 1.0)
    ]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n"\\'), max_size=30))
def test_any_label_comes_back_as_it_was(text: str) -> None:
    """But for control characters, at which the parser of Python divides lines and Prometheus does not."""
    if text.splitlines() not in ([text], []) and set(text) & {"\u2028", "\u2029", "\x85"}:
        return
    assert parse(Family("a", "gauge", "h", [({"name": text}, 1)]))[0][1] == {"name": text}
