"""What other rooms do when conversations are deleted for good: they register it here, and this room need not know them."""

from collections.abc import Callable, Collection
from uuid import UUID

Tell = Callable[[Collection[UUID]], None]
_TOLD: list[Tell] = []


def before_deleting(tell: Tell) -> None:
    """Have `tell` called with the keys of all versions that are about to go, in the transaction that deletes them."""
    if tell not in _TOLD:
        _TOLD.append(tell)


def tell_deleting(keys: Collection[UUID]) -> None:
    for tell in _TOLD:
        tell(keys)
