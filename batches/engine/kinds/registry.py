"""Which kind the items of each `ItemKind` are. A new kind is a class, a line here, and its rules in `rules.py`."""

from collections.abc import Mapping
from typing import Any

from batches.engine.kinds.conversation import ConversationKind
from batches.engine.kinds.judgement import JudgementKind
from batches.engine.kinds.kind import Kind
from batches.models.states import ItemKind

_CONVERSATION = ConversationKind()
KINDS: Mapping[str, Kind[Any, Any]] = {
    ItemKind.GENERATE: _CONVERSATION,
    ItemKind.REGENERATE: _CONVERSATION,
    ItemKind.JUDGEMENT: JudgementKind(),
}


def find_kind(name: str) -> Kind[Any, Any]:
    """The kind of an item by its column `kind`."""
    return KINDS[name]
