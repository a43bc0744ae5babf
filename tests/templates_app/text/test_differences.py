"""What changed between two contents."""

import pytest

from templates_app.text.content import Content
from templates_app.text.differences import (
    MOST_ROWS,
    compare_contents,
    compare_lines,
    compare_texts,
    find_variable_changes,
)

TOPIC = {"name": "topic", "type": "text", "required": True}


def test_nothing() -> None:
    assert compare_contents(Content(text="a"), Content(text="a")).is_empty


def test_words_are_marked_on_both_sides() -> None:
    left, right = compare_lines("keep the old word", "keep the new word")
    assert [each.text for each in left if each.changed] == ["old"]
    assert [each.text for each in right if each.changed] == ["new"]
    assert "".join(each.text for each in right) == "keep the new word"


def test_lines_keep_their_numbers() -> None:
    found = compare_texts("a\nb\nc", "a\nB\nc\nd")
    assert [(row.kind, row.left_number, row.right_number) for row in found] == [
        ("same", 1, 1),
        ("changed", 2, 2),
        ("same", 3, 3),
        ("added", None, 4),
    ]


def test_long_unchanged_stretches_are_folded() -> None:
    lines = [str(number) for number in range(100)]
    changed = [*lines[:50], "new", *lines[51:]]
    found = compare_texts("\n".join(lines), "\n".join(changed))
    assert [row.kind for row in found] == ["folded", *["same"] * 3, "changed", *["same"] * 3, "folded"]
    assert (found[0].left_out, found[-1].left_out) == (47, 46)


def test_the_sides_add_up_to_the_texts() -> None:
    before, after = "one\ntwo\n\nthree", "one\n2\n\nthree\n"
    found = compare_texts(before, after)
    assert "\n".join("".join(w.text for w in r.left) for r in found if r.left_number) == before
    assert "\n".join("".join(w.text for w in r.right) for r in found if r.right_number) == after


def test_variables() -> None:
    tone = {"name": "tone", "type": "text", "required": False}
    other = {**TOPIC, "required": False, "help": "what"}
    found = {change.name: change for change in find_variable_changes([TOPIC, tone], [other, {"name": "new"}])}
    assert found["tone"].kind == "removed"
    assert found["new"].kind == "added"
    assert found["topic"].fields == (("required", "yes", "no"), ("help", "none", "what"))
    assert [each.kind for each in find_variable_changes([TOPIC, tone], [tone, TOPIC])] == ["moved"]


@pytest.mark.lengthy
def test_a_million_characters_are_compared_in_bounded_time() -> None:
    before = "\n".join(f"line {number}" for number in range(50_000))
    after = "\n".join(f"other {number}" for number in range(50_000))
    found = compare_texts(f"same\n{before}\nend", f"same\n{after}\nend")
    assert len(found) == MOST_ROWS + 1
    assert found[-1].kind == "cut"


def test_very_long_lines_are_not_compared_word_by_word() -> None:
    left, right = compare_lines("a " * 4000, "b " * 4000)
    assert (len(left), len(right)) == (1, 1)
