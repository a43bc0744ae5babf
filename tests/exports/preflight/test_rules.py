"""Every rule catches an offender that was planted, and lets its near miss pass."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from exports.formats import Example, FormatOptions, Pair, Record, Turn
from exports.preflight import RULES, Limits, check_file, run_preflight
from tests.exports.formats.examples import make_example, make_turns

SPLITS = ("train", "test")


class Case(NamedTuple):
    rule: str
    offender: Sequence[Record]
    near_miss: Sequence[Record]
    limits: dict[str, Any] = {}
    limits_of_near_miss: dict[str, Any] | None = None


def say(*texts: str, **fields: Any) -> Example:
    return make_example(*texts, system="", **fields)


def about(**metadata: Any) -> Example:
    return say(metadata=metadata)


def unlike(number: int, **fields: Any) -> Example:
    """A conversation with an id and texts of its own."""
    return say(f"Q{number}", f"A{number}", id=f"c{number}", **fields)


def in_split(number: int, split: str, **metadata: Any) -> Example:
    return unlike(number, metadata={"split": split, **metadata})


SKIPPED = (Turn("user", "Q"), Turn("assistant", "A", train=False))
CASES = [
    Case(
        "system_message",
        [say(turns=(*make_turns("Q", "A"), Turn("system", "S"), *make_turns("Q", "A")))],
        [make_example("Q", "A", system="S")],
    ),
    Case("system_message", [say(turns=(Turn("system", "S"), *make_turns("Q", "A")))], [say("system", "A")]),
    Case("unknown_role", [say(turns=(Turn("user", "Q"), Turn("tool", "A")))], [say("tool", "A")]),
    Case("unknown_role", [say(turns=(Turn("User", "Q"), Turn("assistant", "A")))], [say()]),
    *(
        Case("alternation", [say(turns=turns)], [say("Q", "A")])
        for turns in (
            make_turns("Q", "A", "Q"),
            make_turns("Q"),
            make_turns("Q", "A")[::-1],
            make_turns("Q", "A", "Q", "A")[1:],
            (*make_turns("Q", "A"), *make_turns("Q", "A")[::-1]),
            (Turn("user", "Q"), Turn("user", "Q"), Turn("assistant", "A"), Turn("assistant", "A")),
            (),
        )
    ),
    *(Case("blank_text", [say("Q", text)], [say("Q", ".")]) for text in ("", " \n\t", "\u00a0\u2003")),
    Case(
        "ignored_flags", [say(turns=SKIPPED)], [say(turns=SKIPPED)], {}, {"options": {"train_flags": "loss"}}
    ),
    Case("ignored_flags", [say(turns=SKIPPED)], [say(turns=SKIPPED)], {}, {"format": "per_turn"}),
    Case(
        "ignored_flags",
        [say(turns=SKIPPED)],
        [say(turns=(SKIPPED[0]._replace(train=False), Turn("assistant", "A")))],
    ),
    *(
        Case("repaired_characters", [say("Q", text)], [say("Q", near)])
        for text, near in (("a\x00", "\\x00"), ("\ud83d", "\U0001f600"), ("\udfff", "\ue000"))
    ),
    Case(
        "repaired_characters",
        [make_example(system="\x00")],
        [make_example(system="\x00")],
        {},
        {"options": {"system": False}},
    ),
    *(
        Case("odd_characters", [say("Q", text)], [say("Q", near)])
        for text, near in (
            ("\x07", "\t\n\r"),
            ("\ufeffa", "\u2028"),
            ("a\ufffd", "\u200d"),
            ("\x7f", "\x85~"),
            ("\ufffe", "\ufffc"),
        )
    ),
    *(
        Case("control_tokens", [say("Q", text)], [say("Q", near)])
        for text, near in (
            ("a<|im_end|>", "a <| b, c |> d"),
            ("[INST] x", "[instead]"),
            ("x</s>", "<s>x</s> is struck through"),
            ("<start_of_turn>", "<start of turn>"),
        )
    ),
    Case("control_tokens", [make_example(system="<|eot_id|>")], [make_example(system="eot_id")]),
    *(
        Case("not_finite", [about(score=number)], [about(score=8.5)], {"format": "json"})
        for number in (float("nan"), float("inf"), float("-inf"))
    ),
    Case(
        "not_finite",
        [about(deep=[{"x": float("nan")}])],
        [about(deep=["NaN"])],
        {"options": {"metadata": True}},
    ),
    Case(
        "not_finite",
        [about(x=float("nan"))],
        [about(x=float("nan"))],
        {"format": "csv"},
        {"format": "messages"},
    ),
    *(
        Case("dates_in_metadata", [about(at=text)], [about(at=f"on {text}")], {"options": {"metadata": True}})
        for text in (
            "2026-11-30",
            "2026-11-30T20:00:00Z",
            "2026-11-30 20:00",
            "2026-11-30T20:00:00.123+01:00",
        )
    ),
    Case(
        "dates_in_metadata",
        [about(at="2026-11-30")],
        [about(at="2026-11-30")],
        {"options": {"metadata": True}},
        {},
    ),
    Case("too_long", [say("Q" * 101, "A" * 100)], [say("Q" * 100, "A" * 100)], {"max_tokens": 100}),
    Case("too_long", [say("ü" * 51, "A" * 100)], [say("ü" * 50, "A" * 100)], {"max_tokens": 100}),
    Case(
        "too_long",
        [make_example("Q" * 100, "A" * 100, system="S" * 10)],
        [make_example("Q" * 100, "A" * 100, system="S" * 10)],
        {"max_tokens": 100},
        {"max_tokens": 100, "options": {"system": False}},
    ),
    Case("nothing_learned", [say("Q" * 200, "A")], [say("Q" * 198, "A" * 900)], {"max_tokens": 100}),
    Case("no_label", [say()], [say(label=False)], {"format": "kto"}),
    Case("no_label", [say()], [say()], {"format": "kto"}, {"format": "messages"}),
    Case(
        "no_pair",
        [Pair("x", make_turns("Q", "A"), make_turns("Other", "A"))],
        [Pair("x", make_turns("Q", "A"), make_turns("Q", "B"))],
        {"format": "preference"},
    ),
    Case("nothing_selected", [], [say()]),
    Case("too_few", [unlike(n) for n in range(9)], [unlike(n) for n in range(10)]),
    Case("too_few", [say()], [say()], {}, {"format": "markdown"}),
    Case(
        "one_label",
        [unlike(n, label=True) for n in range(3)],
        [unlike(n, label=n != 1) for n in range(3)],
        {"format": "kto"},
    ),
    Case("repeated_id", [unlike(1), say("Q", "A", id="c1")], [unlike(1), unlike(2)]),
    Case("duplicates", [say(id="a"), say(id="b")], [say(id="a"), say("Q1", "A1", "Q2", "A2 ", id="b")]),
    Case(
        "duplicates",
        [say("QA", "x", id="a"), say("QA", "x", id="b", metadata={"tier": "edge_case"})],
        [say("QA", "x", id="a"), say("Q", "Ax", id="b")],
    ),
    Case(
        "near_duplicates",
        [unlike(1, metadata={"group": "g"}), unlike(2, metadata={"group": "g"})],
        [unlike(1, metadata={"group": "g"}), unlike(2, metadata={"group": "h"}), unlike(3)],
    ),
    Case("near_duplicates", [about(group="g"), unlike(2, metadata={"group": "g"})], [unlike(1), unlike(2)]),
    Case("no_split", [unlike(1)], [in_split(1, "train")], {"splits": SPLITS}),
    Case("no_split", [in_split(1, "validation")], [unlike(1)], {"splits": SPLITS}, {}),
    Case(
        "split_leak",
        [say(id="a", metadata={"split": "train"}), say(id="b", metadata={"split": "test"})],
        [say(id="a", metadata={"split": "train"}), say(id="b", metadata={"split": "train"})],
        {"splits": SPLITS},
    ),
    Case(
        "split_leak",
        [in_split(1, "train", group="g"), in_split(2, "test", group="g")],
        [in_split(1, "train", group="g"), in_split(2, "test", group="h"), in_split(3, "train", group="g")],
        {"splits": SPLITS},
    ),
    Case("unapproved", [about(status="pending_review")], [about(status="approved")]),
    Case("unapproved", [about(status="rejected")], [about(status="rejected")], {}, {"format": "kto"}),
    Case("simulated", [about(simulated=True)], [about(simulated=False), unlike(2)]),
    Case("superseded", [about(superseded=True)], [about(superseded=False), unlike(2)]),
]
FILES: list[tuple[str, list[bytes], list[bytes]]] = [
    ("byte_order_mark", [b"\xef\xbb\xbf{}\n"], ['{"a":"\ufeff"}\n'.encode()]),
    ("carriage_returns", [b"{}\r\n"], [b'{"a":"\\r\\n"}\n']),
    ("blank_lines", [b"{}\n", b"\n", b"{}\n"], [b"{}\n", b"{}\n"]),
    ("blank_lines", [b"{}\n", b" \n"], [b" {}\n"]),
    ("not_an_object", [b"[1]\n"], [b'{"a":[1]}\n']),
    ("not_an_object", [b"{} {}\n"], [b'{"a":"{} {}"}\n']),
    ("not_an_object", [b'{"a":NaN}\n'], [b'{"a":"NaN"}\n']),
    ("not_an_object", [b'{"a":"\xff"}\n'], [b'{"a":"\xc3\xbf"}\n']),
    ("no_last_newline", [b"{}\n", b"{}"], [b"{}\n"]),
]
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
OF_MANIFEST = "not_as_in_manifest"


def find(records: Sequence[Record], limits: dict[str, Any]) -> set[str]:
    options = FormatOptions(**limits.get("options", {}))
    report = run_preflight(records, Limits(**{**limits, "options": options}))
    return {each.rule.name for each in report.findings}


@pytest.mark.parametrize("case", CASES, ids=[f"{at} {case.rule}" for at, case in enumerate(CASES)])
def test_the_offender_is_caught_and_the_near_miss_is_not(case: Case) -> None:
    assert case.rule in find(case.offender, case.limits)
    near = case.limits if case.limits_of_near_miss is None else case.limits_of_near_miss
    assert case.rule not in find(case.near_miss, near)


@pytest.mark.parametrize(("rule", "offender", "near_miss"), FILES)
def test_a_file_with_an_offender_is_caught(rule: str, offender: list[bytes], near_miss: list[bytes]) -> None:
    assert [each.rule.name for each in check_file(offender)] == [rule]
    assert check_file(near_miss) == ()


def test_a_file_that_is_not_its_manifests() -> None:
    assert check_file([], sha256=EMPTY_SHA256, rows=0) == ()
    assert [each.rule.name for each in check_file([b"{}\n"], sha256=EMPTY_SHA256)] == [OF_MANIFEST]
    assert [each.rule.name for each in check_file([b"{}\n"], rows=2)] == [OF_MANIFEST]


def test_every_rule_has_a_case() -> None:
    assert {case.rule for case in CASES} | {rule for rule, _, _ in FILES} | {OF_MANIFEST} == set(RULES)


def test_a_rule_says_what_is_wrong_and_what_to_do() -> None:
    assert all(rule.sentence.endswith(".") and rule.remedy.endswith(".") for rule in RULES.values())
