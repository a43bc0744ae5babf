"""The way of a reply: how it stopped, what in its text could be the conversation, which one it is, and whether it is whole."""

from collections.abc import Collection
from dataclasses import replace

from claude.errors import Declined, Unusable
from claude.messages import Reply
from conversations.parsing.candidates import Candidate, Scan, choose_unlabelled, scan
from conversations.parsing.checks import check, strip_role_labels
from conversations.parsing.repair import decode
from conversations.parsing.shape import (
    Draft,
    Flaw,
    Found,
    build_draft,
    find_conversations,
    refuse_unreadable,
)

CUT = ("max_tokens", "length")
FULL_WINDOW = ("model_context_window_exceeded", "context_length_exceeded")
FILTERED = ("content_filter", "content_filtered", "safety", "sensitive", "guardrail_intervened")
FINISHED = "end_turn"
# Known ways to stop before the end; a reply with any other, unknown one counts when its text is a whole conversation.
UNFINISHED = ("tool_use", "pause_turn", "stop_sequence", "", None)
# Keys of an object that hold a first version beside the one that counts.
DRAFT_KEYS = (
    "draft",
    "example",
    "first_draft",
    "original",
    "sample",
    "before",
    "outline",
    "reasoning",
    "thinking",
)


def read(reply: Reply, *, variables: Collection[str] = ()) -> Draft:
    """The conversation in a reply. Raises Declined when the model refused, else Unusable with the reason.

    `variables` are the names that the reply's template fills: `{{name}}` of one of them is an unresolved placeholder.
    """
    check_declined(reply)
    try:
        check_whole(reply)
        return _read_text(reply.text, reply.stop_reason, variables)
    except Flaw as flaw:
        raise Unusable(str(flaw), kind=flaw.kind, request_id=reply.request_id, body=reply.body) from flaw


def check_declined(reply: Reply) -> None:
    """Raises Declined when the model or the provider refused, so that the same request would be refused again."""
    if reply.stop_reason == "refusal":
        raise Declined(
            f"The model refused ({reply.refusal or 'no reason given'}). Change the topic or the template; the same "
            "request would be refused again.",
            kind="declined",
            request_id=reply.request_id,
            body=reply.body,
        )
    if (reply.stop_reason or "").lower() in FILTERED:
        raise Declined(
            f"The provider's content filter stopped the reply ({reply.stop_reason}). Word the topic or the values differently.",
            kind="moderated",
            request_id=reply.request_id,
            body=reply.body,
        )
    if reply.stop_reason in FULL_WINDOW:
        raise Declined(
            f"The prompt and the reply together are longer than the model's context window ({reply.stop_reason}). Shorten the "
            "values or the template, ask for fewer turns, or choose a model with a larger window; more tokens would not help.",
            kind="context_window",
            request_id=reply.request_id,
            body=reply.body,
        )


def check_whole(reply: Reply) -> None:
    """Raises Flaw when the reply has no text, was cut off, or stopped in a known way before its end."""
    if reply.only_thinking:
        raise _name_thinking(reply.stop_reason)
    if reply.stop_reason in CUT:
        raise Flaw(
            f"The reply was cut off ({reply.stop_reason}). Raise max_tokens or ask for fewer turns.",
            kind="max_tokens",
        )
    if reply.stop_reason in UNFINISHED:
        raise _name_stop(reply.stop_reason)


def _read_text(text: str, stop_reason: str | None, variables: Collection[str]) -> Draft:
    try:
        draft = strip_role_labels(_choose(text))
        check(draft, variables=variables)
    except Flaw as flaw:
        raise (flaw if stop_reason == FINISHED else _name_stop(stop_reason)) from flaw
    if stop_reason != FINISHED:
        return replace(
            draft, repairs=(*draft.repairs, f"the reply is whole although it stopped with {stop_reason}")
        )
    return draft


def _name_thinking(stop_reason: str | None) -> Flaw:
    """The model thought and then wrote nothing. If that took all its tokens, more of them may help."""
    if stop_reason in CUT:
        return Flaw(
            f"The reply was cut off while the model was still thinking, before any text ({stop_reason}). Raise max_tokens, or "
            "let the model think less (its effort).",
            kind="max_tokens",
        )
    return refuse_unreadable("it holds the model's thinking and nothing else")


def _name_stop(stop_reason: str | None) -> Flaw:
    return Flaw(
        f"The reply ended with {stop_reason or 'no stop reason'} instead of end_turn.", kind="wrong_stop"
    )


def _choose(text: str) -> Draft:
    """The one conversation of the text. Two different ones are no reason to guess."""
    found = scan_whole(text)
    drafts, flaws = _build_all(found)
    different = list(dict.fromkeys(drafts))
    if len(different) > 1:
        raise refuse_unreadable(
            f"it holds {len(different)} different conversations, and nothing says which one counts"
        )
    if different:
        return different[0]
    raise flaws[0] if flaws else _name_what_is_missing(text, found)


def scan_whole(text: str) -> Scan:
    """Strict JSON first: then nothing in it is taken for packaging."""
    stripped = text.strip().removeprefix("\ufeff")
    try:
        decoded = decode(stripped)
    except (ValueError, RecursionError):
        return scan(text)
    if stripped[decoded.end :].strip():
        return scan(text)
    return Scan([Candidate(decoded.value, 0, decoded.end, repairs=decoded.repairs)])


def _build_all(found: Scan) -> tuple[list[Draft], list[Flaw]]:
    drafts: list[Draft] = []
    flaws: list[Flaw] = []
    for candidate, each in _find_all(found):
        if found.broken_at > candidate.start:
            continue  # what came last could not be read: an earlier version is not taken for it
        try:
            draft = build_draft(each)
        except Flaw as flaw:
            flaws.append(flaw)
        else:
            drafts.append(replace(draft, repairs=tuple(dict.fromkeys((*candidate.repairs, *draft.repairs)))))
    return [draft for draft in drafts if draft.turns] or drafts, flaws


def _find_all(found: Scan) -> list[tuple[Candidate, Found]]:
    """Examples and drafts are left out before candidates are compared; so are values without any turns."""
    holding = [each for each in found.candidates if any(one.turns for one in find_conversations(each.value))]
    pairs = [
        (candidate, each)
        for candidate in choose_unlabelled(holding or found.candidates)
        for each in find_conversations(candidate.value)
    ]
    final = [pair for pair in pairs if not any(key.lower() in DRAFT_KEYS for key in pair[1].path)]
    return final or pairs


def _name_what_is_missing(text: str, found: Scan) -> Flaw:
    if not text.strip():
        return refuse_unreadable("it is empty")
    if found.only_reasoning:
        return refuse_unreadable("it holds the model's thinking and nothing else")
    if found.broken_at >= 0:
        return refuse_unreadable(f"its JSON is broken or cut off ({found.broken_why})")
    if found.candidates:
        return refuse_unreadable("its JSON has no list of turns")
    return refuse_unreadable("no complete JSON object with turns was found in it")
