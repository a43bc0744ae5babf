"""What a check found: for each rule the number of conversations and the first of them, and measures of the whole."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conversations.quality.diversity import Diversity
from exports.formats import FORMATS, Format, FormatOptions
from exports.preflight.rules import RULES, Rule

MOST_IDS = 20
MOST_VALUES = 2_000  # different personas that are counted; the rest counts as one
OTHERS = "others"
# The upper bounds, in tokens, of the bands in which conversations are counted.
BANDS = (512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the file is made for. `format` and `options`: as it will be written. `max_tokens`: of a conversation. `splits`: the names
    of the splits that are written; empty if there is no split. `fewest`: OpenAI asks for at least ten conversations.
    """

    format: str = "messages"
    options: FormatOptions = field(default_factory=FormatOptions)
    max_tokens: int = 4_096
    splits: tuple[str, ...] = ()
    fewest: int = 10

    @property
    def chosen(self) -> Format:
        return FORMATS[self.format]

    @property
    def writes_metadata(self) -> bool:
        return self.options.metadata or not self.chosen.trains


@dataclass(frozen=True, slots=True)
class Finding:
    """`count`: of conversations, or of lines of a file. `ids`: the first MOST_IDS of them."""

    rule: Rule
    count: int
    ids: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule.name,
            "severity": self.rule.severity,
            "sentence": self.rule.sentence,
            "remedy": self.rule.remedy,
            "count": self.count,
            "ids": list(self.ids),
        }


class Findings:
    """Collects findings, in constant memory."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._ids: dict[str, list[str]] = {}

    def add(self, rule: str, id: str = "") -> None:
        assert rule in RULES, rule
        self._counts[rule] += 1
        ids = self._ids.setdefault(rule, [])
        if id and len(ids) < MOST_IDS:
            ids.append(id)

    def list(self) -> tuple[Finding, ...]:
        """In the order of the rules, those first that block."""
        found = [
            Finding(rule, self._counts[name], tuple(self._ids[name]))
            for name, rule in RULES.items()
            if self._counts[name]
        ]
        return tuple(sorted(found, key=lambda each: each.rule.severity))


@dataclass(frozen=True, kw_only=True)
class Report:
    """`tokens`: the estimated tokens of all conversations; `longest`: of the longest. `bands`: the upper bound of tokens (None: no
    bound) to conversations. `diversity`: of evenly spread conversations; None for none. The other mappings: value to conversations.
    """

    conversations: int
    turns: int
    tokens: int
    longest: int
    bands: Mapping[int | None, int]
    tiers: Mapping[str, int]
    personas: Mapping[str, int]
    splits: Mapping[str, int]
    diversity: Diversity | None
    findings: tuple[Finding, ...]

    @property
    def blocked(self) -> bool:
        """Whether a file of this selection would break a trainer, so that it is not made."""
        return any(each.rule.severity == "blocks" for each in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the API and for storing."""
        measured = self.diversity
        return {
            "blocked": self.blocked,
            "conversations": self.conversations,
            "turns": self.turns,
            "tokens": {
                "estimated": self.tokens,
                "longest": self.longest,
                "bands": [
                    {"up_to": bound, "conversations": count} for bound, count in self.bands.items() if count
                ],
            },
            "coverage": {
                "by_tier": dict(self.tiers),
                "by_persona": dict(self.personas),
                "by_split": dict(self.splits),
            },
            "diversity": measured
            and {
                "conversations": measured.conversations,
                "distinct": {str(size): value for size, value in measured.distinct.items()},
                "compression": measured.compression,
                "openings": [list(each) for each in measured.openings],
                "names": [list(each) for each in measured.names],
            },
            "findings": [each.to_json() for each in self.findings],
        }
