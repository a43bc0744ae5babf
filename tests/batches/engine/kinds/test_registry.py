"""Every kind of items says how its request is built, how its reply is read and where the result is stored."""

from batches.engine.kinds.registry import KINDS, find_kind
from batches.models.states import ItemKind


def test_every_kind_of_items_is_registered() -> None:
    assert set(KINDS) == set(ItemKind.values)


def test_a_regeneration_is_made_as_a_conversation_is() -> None:
    assert find_kind("regenerate") is find_kind("generate")
