"""The current versions of what items have made: a person may have edited or regenerated it since."""

from collections.abc import Sequence
from uuid import UUID

from batches.models import BatchItem
from conversations.models import Conversation


def find_newest(items: Sequence[BatchItem]) -> dict[UUID, Conversation]:
    """By item: the current version of its conversation. One query if some are replaced, none otherwise.

    The items come with their conversations, as `with_conversation_summary` loads them.
    """
    made = {item.pk: item.conversation for item in items if getattr(item, "conversation", None)}
    replaced = {each.root_id for each in made.values() if not each.is_head}
    heads = (
        Conversation.objects.heads()
        .filter(root__in=replaced)
        .defer("parameters", "quality_metrics", "search")
    )
    by_root = {each.root_id: each for each in heads} if replaced else {}
    return {key: by_root.get(each.root_id, each) for key, each in made.items()}
