"""What a conversation must be, beyond its shape: its roles, its texts, and nothing of the template left in it."""

import re
from collections.abc import Collection
from dataclasses import replace

from conversations.parsing.shape import ROLES, Draft, Flaw, TurnDraft

CONTENT_LIMIT = 200_000
ROLE_LABELS = "role_labels"  # the flag of a conversation whose texts repeated the roles

# PostgreSQL refuses NUL and lone surrogates. The other control characters are what is left of damaged letters; those that
# JSON, PostgreSQL and trainers take as text (tab, line ends, form feed, U+0080 to U+009F) stay.
_BAD_CHARACTERS = re.compile("[\x00-\x08\x0e-\x1f\ud800-\udfff]")
_ESCAPE_SEQUENCE = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|[@-Z\\\\-_])")
_LABEL = re.compile(rf"\s*(?:\*\*)?({'|'.join(ROLES)})(?:\*\*)?\s*:(?:\*\*)?[ \t]*", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{\{\s*[#^/]?\s*(\w+)\s*(?:\}\}|\?)")


def check(draft: Draft, *, variables: Collection[str] = ()) -> None:
    """Raises Flaw for the first thing that is wrong. `variables`: the names that the template fills."""
    _check_characters("The title", draft.title or "")
    _check_placeholders("The title", draft.title or "", variables)
    for number, turn in enumerate(draft.turns, start=1):
        where = f"Turn {number}"
        _check_characters(where, turn.content)
        _check_content(where, turn.content)
        _check_placeholders(where, turn.content, variables)
        _check_role(number, turn.role)
    if len(draft.turns) < 2:
        raise Flaw(f"The reply has {len(draft.turns)} turns, fewer than 2.", kind="failed_check")
    if draft.turns[-1].role != "assistant":
        raise Flaw(f"The last turn, {len(draft.turns)}, is not the assistant's.", kind="failed_check")


def strip_role_labels(draft: Draft) -> Draft:
    """Without "User:" and "Assistant:" where every text begins with the label of its own role; flagged for the reviewer."""
    found = [_LABEL.match(turn.content) for turn in draft.turns]
    if not found or not all(
        label and ROLES[label[1].lower()] == turn.role for label, turn in zip(found, draft.turns, strict=True)
    ):
        return draft
    turns = tuple(
        TurnDraft(turn.role, turn.content[label.end() :])
        for label, turn in zip(found, draft.turns, strict=True)
        if label
    )
    return replace(draft, turns=turns, flags=(*draft.flags, ROLE_LABELS))


def _check_characters(where: str, text: str) -> None:
    found = _BAD_CHARACTERS.search(text)
    if found is None:
        return
    if _ESCAPE_SEQUENCE.match(text, found.start()):
        raise Flaw(
            f"{where} holds an ANSI escape sequence (a terminal's colours or cursor moves) at position {found.start()}. "
            "Ask for plain text in the template.",
            kind="bad_characters",
        )
    raise Flaw(
        f"{where} holds the character U+{ord(found.group()):04X} at position {found.start()}, which cannot be "
        "stored or trained on.",
        kind="bad_characters",
    )


def _check_content(where: str, content: str) -> None:
    if not content.strip():
        raise Flaw(f"{where} is empty.", kind="failed_check")
    if len(content) > CONTENT_LIMIT:
        raise Flaw(f"{where} has {len(content)} characters, more than {CONTENT_LIMIT}.", kind="failed_check")


def find_unresolved(text: str, variables: Collection[str]) -> re.Match[str] | None:
    """The first place where one of these variables stands without its value; its group 1 is the name.

    Only what the template itself would fill: `{{ }}` of JSX, Helm, Vue or LaTeX is content of a conversation about code.
    """
    if not variables or "{{" not in text:
        return None
    return next((found for found in _PLACEHOLDER.finditer(text) if found[1] in variables), None)


def _check_placeholders(where: str, text: str, variables: Collection[str]) -> None:
    if found := find_unresolved(text, variables):
        raise Flaw(f"{where} holds the unresolved placeholder {{{{{found[1]}}}}}.", kind="failed_check")


def _check_role(number: int, role: str) -> None:
    expected = ("assistant", "user")[number % 2]
    if role == expected:
        return
    if number == 1:
        raise Flaw("The first turn is not the user's.", kind="failed_check")
    raise Flaw(f"Turn {number} is the {role}'s again: roles do not alternate.", kind="failed_check")
