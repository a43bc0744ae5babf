"""Whether calls were billed since a day. The log of calls is kept above this room, which registers who knows."""

from collections.abc import Callable, Collection
from datetime import date

Asked = Callable[[Collection[str], date], bool]
_who_knows: list[Asked] = []


def told_by(knows: Asked) -> None:
    """Register a room that keeps a log of calls."""
    if knows not in _who_knows:
        _who_knows.append(knows)


def since(models: Collection[str], day: date) -> bool:
    """Whether a call of one of these models was made on that day or later."""
    return any(knows(models, day) for knows in _who_knows)
