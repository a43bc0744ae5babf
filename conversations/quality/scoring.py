"""Everything that is found out about a conversation when it is stored: score, metrics, flags and bands."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from conversations.quality.detectors.form import find_lengths, find_turn_range
from conversations.quality.detectors.language.turns import find_wrong_language
from conversations.quality.detectors.leakage import find_leakage
from conversations.quality.detectors.personal import find_personal_data
from conversations.quality.detectors.refusals import find_refusals
from conversations.quality.detectors.repetition import find_repetition
from conversations.quality.detectors.stock import find_stock_phrases
from conversations.quality.detectors.tokens import find_control_tokens, find_role_prefixes
from conversations.quality.detectors.unfinished import find_placeholders, find_variables
from conversations.quality.flags import Flag, arrange
from conversations.quality.metrics import measure_compression, measure_distinct, measure_vocabulary
from conversations.quality.near_duplicates import make_bands, make_shingles
from conversations.quality.prepared import PreparedTurn, join_words, prepare
from conversations.quality.structure import Score, SpokenTurn, score

SCORER_VERSION = 1  # goes up with every change of a rule, so that what an older one has judged can be found


@dataclass(frozen=True, slots=True)
class Asked:
    """What the template asked for. `instructions`: its texts before variables are filled; `variables`: their names."""

    language: str = "en"
    variables: Collection[str] = ()
    instructions: Sequence[str] = ()
    turns_min: int | None = None
    turns_max: int | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """`score` has the structure score with all metrics; `bands` find near-duplicates. `version`: of the scorer."""

    score: Score
    flags: list[Flag] = field(default_factory=list)
    bands: list[int] = field(default_factory=list)
    version: int = SCORER_VERSION


def assess(turns: Sequence[SpokenTurn], *, asked: Asked, known: Sequence[Flag] = ()) -> Assessment:
    """Score and flags of these turns; the same turns always get the same. `known`: flags that reading the reply has found."""
    prepared = prepare(turns)
    words = join_words(prepared)
    measured = score(turns)
    metrics: dict[str, Any] = {
        **measured.metrics,
        "scorer": SCORER_VERSION,
        "vocabulary": measure_vocabulary(words),
        "distinct_2": measure_distinct([words], 2),
        "compression": measure_compression([turn.content for turn in turns]),
    }
    flags = arrange([*known, *find_flags(prepared, asked)])
    return Assessment(Score(measured.overall, metrics), flags, make_bands(make_shingles(words)))


def find_flags(turns: Sequence[PreparedTurn], asked: Asked) -> list[Flag]:
    """All flags but that of near-duplicates, for which other conversations are needed."""
    return [
        *find_variables(turns, asked.variables),
        *find_leakage(turns, instructions=asked.instructions),
        *find_refusals(turns),
        *find_placeholders(turns),
        *find_repetition(turns),
        *find_wrong_language(turns, asked.language),
        *find_personal_data(turns, language=asked.language),
        *find_control_tokens(turns),
        *find_role_prefixes(turns),
        *find_stock_phrases(turns),
        *find_turn_range(turns, asked.turns_min, asked.turns_max),
        *find_lengths(turns),
    ]
