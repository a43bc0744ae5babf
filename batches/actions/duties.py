"""What rooms above this one have the dispatcher do from time to time: they register it here, and this room need not know them."""

from collections.abc import Callable

Duty = Callable[[], object]
_DUTIES: list[Callable[[], Duty]] = []


def add_duty(make: Callable[[], Duty]) -> None:
    """Have each dispatcher process make itself a duty when it starts, and repeat it every `ENGINE_DUTIES_EVERY_S`."""
    if make not in _DUTIES:
        _DUTIES.append(make)


def make_duties() -> list[Duty]:
    return [make() for make in _DUTIES]
