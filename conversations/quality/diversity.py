"""How much the conversations of a set differ from one another. Formulas: docs/quality.md."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conversations.quality.metrics import measure_compression, measure_distinct
from conversations.quality.prepared import prepare
from conversations.quality.structure import SpokenTurn

MOST_CONVERSATIONS = 2_000  # that are read; of a larger set these are evenly spread ones
OPENING_WORDS = 4
MOST_SHOWN = 10
# Days, months and holidays are written like names in English, and stand in many conversations.
_NO_NAME = re.compile(
    r"Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?"
    r"|Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?"
    r"|Aug(?:ust)?|Sept?|September|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?"
    r"|Christmas|Easter|Thanksgiving|Halloween|Hanukkah|Passover|Ramadan|Diwali"
)
_NAME = re.compile(r"(?<![.!?\n:] )(?<![.!?\n:])(?<!^)\b[A-Z][a-z]{2,20}\b")


@dataclass(frozen=True, slots=True)
class Diversity:
    """`distinct`: n (1 to 3) to distinct-n. `openings` and `names`: the most frequent ones with the number of conversations."""

    conversations: int
    distinct: dict[int, float | None]
    compression: float | None
    openings: list[tuple[str, int]]
    names: list[tuple[str, int]]


def measure_diversity(conversations: Sequence[Sequence[SpokenTurn]]) -> Diversity:
    """Measures of a set. The same set in the same order gives the same numbers."""
    step = -(-len(conversations) // MOST_CONVERSATIONS) or 1
    read = [prepare(turns) for turns in conversations[::step]]
    words = [[word for turn in turns for word in turn.words] for turns in read]
    openings = (" ".join(turns[0].words[:OPENING_WORDS]) for turns in read if turns and turns[0].words)
    names = (
        name
        for turns in read
        for name in {each for turn in turns for each in _NAME.findall(turn.content)}
        if not _NO_NAME.fullmatch(name)
    )
    return Diversity(
        conversations=len(read),
        distinct={size: measure_distinct(words, size) for size in (1, 2, 3)},
        compression=measure_compression([turn.content for turns in read for turn in turns]),
        openings=_count_most(openings),
        names=_count_most(names),
    )


def _count_most(values: Iterable[str]) -> list[tuple[str, int]]:
    """The values that occur at least twice, the most frequent ones first."""
    counts = Counter(values)
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [each for each in ordered[:MOST_SHOWN] if each[1] > 1]
