"""What differs between two versions, turn by turn."""

from conversations.parsing import TurnDraft
from conversations.web.differences import compare_turns


def talk(*texts: str, first: str = "user") -> list[TurnDraft]:
    roles = ("user", "assistant") if first == "user" else ("assistant", "user")
    return [TurnDraft(roles[n % 2], text) for n, text in enumerate(texts)]


def test_unchanged_turns_are_one_run_and_the_words_that_differ_are_marked() -> None:
    same, changed, rest = compare_turns(
        talk("a", "b", "the old word", "d"), talk("a", "b", "the new word", "d")
    )
    assert (same.kind, same.left_number, same.right_number, same.last) == ("same", 1, 1, 2)
    assert [each.content for each in same.unchanged] == ["a", "b"]
    assert (changed.kind, changed.role, changed.left_number, changed.right_number) == (
        "changed",
        "user",
        3,
        3,
    )
    assert [run.text for run in changed.rows[0].left if run.changed] == ["old"]
    assert [run.text for run in changed.rows[0].right if run.changed] == ["new"]
    assert (rest.kind, rest.right_number) == ("same", 4)


def test_turns_of_one_side_only() -> None:
    _, added = compare_turns(talk("a", "b"), talk("a", "b", "one\ntwo"))
    assert (added.kind, added.left_number, added.right_number) == ("added", None, 3)
    assert [row.kind for row in added.rows] == ["added", "added"]
    assert all(not row.left and row.right for row in added.rows)
    assert [(row.left_number, row.right_number) for row in added.rows] == [(None, 1), (None, 2)]
    _, removed = compare_turns(talk("a", "b", "one\n\ntwo"), talk("a", "b"))
    assert (removed.kind, removed.left_number, removed.right_number) == ("removed", 3, None)
    assert {row.kind for row in removed.rows} == {"removed"}
    assert [run.text for row in removed.rows for run in row.left] == ["one", "", "two"]


def test_another_role_is_no_changed_turn() -> None:
    kinds = [(each.kind, each.role) for each in compare_turns(talk("a"), talk("b", first="assistant"))]
    assert kinds == [("removed", "user"), ("added", "assistant")]


def test_the_same_talk_and_nothing_at_all() -> None:
    assert [each.kind for each in compare_turns(talk("a", "b"), talk("a", "b"))] == ["same"]
    assert compare_turns([], []) == []
    assert [each.kind for each in compare_turns([], talk("a"))] == ["added"]
