"""A regeneration: what it adds to the prompt, and how its reply becomes a new version of the conversation.

Its sections follow everything else, so that the part of the prompt which a batch shares can still be cached.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from claude.errors import Unusable
from conversations.parsing import Draft, TurnDraft

LONGEST_INSTRUCTION = 5_000  # characters
HEADING = "A new version of this conversation."
ANEW = "This conversation has been written before, as version {version}. Write it anew for everything above, with another text."
INSTRUCTION = "What to change. It goes before everything above; follow it, do not quote it."
KEEP = (
    "Keep the first {n} unchanged. Reply with the whole conversation: first these turns, word for word, "
    "then a new continuation from turn {next} on."
)


class InstructionError(ValueError):
    """The instruction cannot be used; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Regeneration:
    """What is asked of a regeneration. `key` and `version` name the version that it is made from.

    `kept`: the turns before `from_turn`, which stay as they are; none without `from_turn`.
    """

    key: UUID
    conversation_id: str
    version: int
    instruction: str = ""
    from_turn: int | None = None
    kept: tuple[TurnDraft, ...] = ()


def clean_instruction(text: str) -> str:
    """The instruction without blanks around it. Raises InstructionError when it is too long or cannot be stored."""
    found = text.replace("\r\n", "\n").strip()
    if len(found) > LONGEST_INSTRUCTION:
        raise InstructionError(
            f"It has {len(found):,} characters; at most {LONGEST_INSTRUCTION:,} are allowed. Shorten it."
        )
    if "\x00" in found:
        raise InstructionError("It has a NUL character, which cannot be stored. Remove it.")
    return found


def append_regeneration(prompt: str, asked: Regeneration) -> str:
    """The prompt, followed by what this regeneration asks for."""
    parts = [prompt.rstrip("\n"), "", HEADING, ANEW.format(version=asked.version)]
    if asked.instruction:
        parts += ["", INSTRUCTION, "<instruction>", asked.instruction, "</instruction>"]
    if asked.kept:
        n = len(asked.kept)
        turns = [
            json.dumps({"role": each.role, "content": each.content}, ensure_ascii=False)
            for each in asked.kept
        ]
        parts += ["", KEEP.format(n="turn" if n == 1 else f"{n} turns", next=n + 1)]
        parts += ["<kept_turns>", *turns, "</kept_turns>"]
    return "\n".join(parts) + "\n"


def check_continuation(draft: Draft, from_turn: int | None) -> Draft:
    """The draft. Raises Unusable when it ends before the turn from which it was to be written anew."""
    if from_turn is not None and len(draft.turns) < from_turn:
        raise Unusable(
            f"The reply has {len(draft.turns)} turns, so it holds no new turn {from_turn}.",
            kind="failed_check",
        )
    return draft


def join_turns(kept: Sequence[TurnDraft], new: Sequence[TurnDraft], from_turn: int | None) -> list[TurnDraft]:
    """The turns of the new version: those before `from_turn` of the old one, and from there on those of the reply."""
    if from_turn is None:
        return list(new)
    return [*kept[: from_turn - 1], *new[from_turn - 1 :]]
