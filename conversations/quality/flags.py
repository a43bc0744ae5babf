"""What a reviewer should know about a conversation: the kinds of flags, and a flag that points at its turn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST_QUOTE = 120  # characters
MOST_OF_A_KIND = 5  # flags of one kind in one conversation; the rest would tell a reviewer nothing new


@dataclass(frozen=True, slots=True)
class Kind:
    """`hard`: a conversation with such a flag awaits review whatever its score is."""

    name: str
    label: str
    explanation: str
    hard: bool


_HARD = (
    Kind(
        "unresolved_variable",
        "Unresolved variable",
        "A variable of the template, such as {{persona}}, stands in the text as it is, without a value.",
        hard=True,
    ),
    Kind(
        "prompt_leakage",
        "Prompt leakage",
        "The text speaks of the prompt, of its own making, or of being a language model, instead of staying in the conversation.",
        hard=True,
    ),
    Kind("refusal", "Refusal", "The assistant declines to answer.", hard=True),
    Kind(
        "placeholder",
        "Placeholder",
        "A text was left to be filled in, such as [Your Name], XX% or Lorem ipsum.",
        hard=True,
    ),
    Kind("repeated_turn", "Repeated turn", "The turn says the same as an earlier one.", hard=True),
    Kind(
        "wrong_language",
        "Wrong language",
        "The turn is not written in the language that the template asks for.",
        hard=True,
    ),
    Kind(
        "personal_data",
        "Personal data",
        "The turn holds a mail address, a phone number, a card number or an IBAN that may belong to somebody.",
        hard=True,
    ),
    Kind(
        "control_tokens",
        "Control tokens",
        "The turn holds a token of a chat template, such as <|im_end|>. A trainer would read it as the end of a turn.",
        hard=True,
    ),
    Kind(
        "near_duplicate",
        "Near-duplicate",
        "Most of the text stands in an earlier conversation, too.",
        hard=True,
    ),
)
_SOFT = (
    Kind(
        "role_prefix",
        "Role prefix",
        "The turn begins with the name of its role, such as Assistant:, as part of the text.",
        hard=False,
    ),
    Kind(
        "role_labels",
        "Role labels removed",
        "Each turn began with the name of its role, which was taken away.",
        hard=False,
    ),
    Kind(
        "stock_phrases",
        "Stock phrases",
        "The assistant uses several phrases that language models are known for.",
        hard=False,
    ),
    Kind(
        "turn_range",
        "Number of turns",
        "It has fewer or more turns than its template asks for.",
        hard=False,
    ),
    Kind("short_turn", "Very short answer", "The assistant says almost nothing.", hard=False),
    Kind(
        "long_turn", "Very long turn", "The turn is far longer than a person would say or read.", hard=False
    ),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (*_HARD, *_SOFT)}
_RANKS = {name: rank for rank, name in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Flag:
    """`turn` is counted from 1; None when the whole conversation is meant. `quote`: a short excerpt that shows it.

    `of`: for a near-duplicate the key of the other conversation, else empty.
    """

    kind: str
    turn: int | None = None
    quote: str = ""
    of: str = ""

    @property
    def hard(self) -> bool:
        """Whether its kind is hard. A kind that is not known any more is not."""
        return self.kind in KINDS and KINDS[self.kind].hard

    @property
    def label(self) -> str:
        return KINDS[self.kind].label if self.kind in KINDS else self.kind

    @property
    def explanation(self) -> str:
        return KINDS[self.kind].explanation if self.kind in KINDS else ""

    def to_json(self) -> dict[str, Any]:
        """As it is stored: `kind`, `turn` and `quote`, and `of` where there is one."""
        stored: dict[str, Any] = {"kind": self.kind, "turn": self.turn, "quote": self.quote}
        return {**stored, "of": self.of} if self.of else stored


def read_flags(stored: Iterable[Any]) -> list[Flag]:
    """The flags of a stored conversation. A bare word is a flag of before flags had turns; what is no flag is left out."""
    found = []
    for each in stored:
        if isinstance(each, str):
            found.append(Flag(each))
        elif isinstance(each, Mapping) and isinstance(each.get("kind"), str):
            found.append(
                Flag(each["kind"], each.get("turn"), str(each.get("quote") or ""), str(each.get("of") or ""))
            )
    return found


def arrange(flags: Iterable[Flag]) -> list[Flag]:
    """Hard ones first, then by kind and turn; one for each kind and turn, and at most MOST_OF_A_KIND of a kind."""
    once = {(flag.kind, flag.turn, flag.of): flag for flag in reversed(list(flags))}
    ordered = sorted(once.values(), key=lambda flag: (_RANKS.get(flag.kind, len(_RANKS)), flag.turn or 0))
    kept: list[Flag] = []
    for flag in ordered:
        if sum(other.kind == flag.kind for other in kept) < MOST_OF_A_KIND:
            kept.append(flag)
    return kept


def is_hard(flags: Sequence[Flag]) -> bool:
    """Whether a conversation with these flags awaits review whatever its score is."""
    return any(flag.hard for flag in flags)


def cut_quote(text: str, start: int, end: int) -> str:
    """The found place with a little of what stands around it, in one line of at most LONGEST_QUOTE characters."""
    room = max(0, LONGEST_QUOTE - (end - start))
    first = max(0, start - room // 3)
    last = min(len(text), max(end, first + LONGEST_QUOTE - 2))
    shown = " ".join(text[first:last].split())
    before, after = "…" if first else "", "…" if last < len(text) else ""
    return f"{before}{shown[: LONGEST_QUOTE - 2]}{after}"
