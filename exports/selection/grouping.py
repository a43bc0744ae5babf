"""Near-duplicates as they are stored: each conversation that is nearly the same as an earlier one has a flag that names it."""

from collections.abc import Mapping
from uuid import UUID

from conversations.comparison import NEAR_DUPLICATE
from conversations.models import Conversation
from conversations.quality import read_flags


def read_alike(workspace: UUID) -> Mapping[UUID, UUID]:
    """For each chain of versions that is nearly the same as an earlier one that one, both by the key of version 1.

    All conversations of the workspace count, also those that are not exported: two that are like a rejected third belong together.
    """
    flagged = Conversation.objects.filter(workspace=workspace).heads().flagged_with([NEAR_DUPLICATE])
    named = {root: key for root, flags in flagged.values_list("root", "flags") if (key := _read_key(flags))}
    roots = dict(Conversation.objects.filter(pk__in=set(named.values())).values_list("pk", "root"))
    # Where the earlier one was deleted for good its own key still holds together what is like it.
    pairs = {root: roots.get(key, key) for root, key in named.items()}
    return {root: earlier for root, earlier in pairs.items() if root != earlier}


def _read_key(flags: object) -> UUID | None:
    for flag in read_flags(flags if isinstance(flags, list) else []):
        if flag.kind == NEAR_DUPLICATE and flag.of:
            try:
                return UUID(flag.of)
            except ValueError:
                return None
    return None
