"""The kind of items that become conversations: new ones, and new versions of those that are there."""

from decimal import Decimal
from uuid import UUID

from batches.engine.kinds.kind import Kind, TargetDeleted
from batches.limits.limiter import Expected
from batches.models import BatchItem
from batches.models.states import ItemKind
from batches.planning.estimate.estimate import name_kind
from batches.planning.estimate.history import expect_tokens
from claude.messages import Reply, Request
from conversations import generation
from conversations.generation import Origin, add_cache_mark, build_request
from conversations.models import Conversation
from conversations.parsing import Draft, read
from conversations.regeneration import Regeneration, check_continuation
from conversations.states import Status
from conversations.versions import read_turns

NANO_USD = Decimal("0.000000001")  # the columns of money have nine places
PARENT_DELETED = (
    "The version that was to be regenerated has been deleted. Nothing was asked and nothing was paid."
)

DRAFT_GONE = (
    "The draft that was to be filled is no draft any more: it was deleted, archived, or filled by another batch. "
    "Nothing was asked and nothing was paid."
)


class ConversationKind(Kind[Origin, Draft]):
    deleted = "The conversation was deleted for good while it was made. The reply is paid and kept."

    def choose_model(self, item: BatchItem) -> str:
        return item.made_from.model or item.job.model

    def build_origin(self, item: BatchItem) -> Origin:
        return Origin(
            workspace_id=item.workspace_id,
            created_by_id=item.job.created_by_id,
            batch_item_id=item.pk,
            job_id=item.job_id,
            conversation_id=item.conversation_id,
            template_version=item.made_from,
            tier=item.tier,
            topic=item.topic,
            category=item.category,
            parameters=item.parameters,
            estimated_cost_usd=find_estimated_cost(item),
            regenerates=item.kind == ItemKind.REGENERATE,
            parent_id=item.regenerates_id,
            instruction=item.instruction,
            from_turn=item.from_turn,
            fills_id=item.fills,
        )

    def build_request(self, item: BatchItem, origin: Origin, *, max_tokens: int, tag: str) -> Request:
        if is_draft_gone(origin):
            raise TargetDeleted(DRAFT_GONE)
        asked = build_request(
            version=item.made_from,
            values=item.parameters,
            model=item.job.model,
            max_tokens=max_tokens,
            details=item.details,
            tag=tag,
            regeneration=read_regeneration(item),
        )
        shared = item.job.estimate.get("shared") or {}
        return add_cache_mark(asked, shared, version_id=item.made_from.pk)

    def expect(self, item: BatchItem, request: Request) -> Expected:
        found = expect_tokens(item.made_from.pk, item.tier, request.model)
        return Expected(input=found.input, output=min(found.output, request.max_tokens))

    def read(self, reply: Reply, origin: Origin) -> Draft:
        draft = read(reply, variables=origin.template_version.variable_names)
        return check_continuation(draft, origin.from_turn)

    def is_deleted(self, origin: Origin) -> bool:
        """A regeneration does not bring back to life what somebody wanted gone (decision 0027)."""
        return is_draft_gone(origin) or (origin.regenerates and generation.find_parent(origin) is None)

    def name_conversation(self, origin: Origin, key: UUID) -> UUID:
        return origin.fills_id or key

    def write(self, result: Draft, *, origin: Origin, reply: Reply, cost_usd: Decimal, key: UUID) -> bool:
        made = generation.write(result, origin=origin, reply=reply, cost_usd=cost_usd, key=key)
        # A version beside the newest one is archived at once.
        return (made.status_before_archive or made.status) != Status.NEEDS_REVISION

    def has_result(self, item_id: UUID) -> bool:
        return Conversation.objects.filter(batch_item=item_id, turn_count__gt=0).exists()


def is_draft_gone(origin: Origin) -> bool:
    """Whether the item was to fill a draft that it cannot fill now."""
    if origin.fills_id is None:
        return False
    rows = Conversation.objects.filter(pk=origin.fills_id)
    return not rows.can_be_filled_by(origin.batch_item_id).exists()


def read_regeneration(item: BatchItem) -> Regeneration | None:
    """What a regeneration asks for, with the turns that it keeps; None for another item. Raises TargetDeleted."""
    if item.kind != ItemKind.REGENERATE:
        return None
    rows = Conversation.objects.only("id", "version")
    parent = rows.filter(pk=item.regenerates_id).first() if item.regenerates_id else None
    if parent is None:
        raise TargetDeleted(PARENT_DELETED)
    return Regeneration(
        key=parent.pk,
        conversation_id=item.conversation_id,
        version=parent.version,
        instruction=item.instruction,
        from_turn=item.from_turn,
        kept=tuple(read_turns(parent)[: item.from_turn - 1]) if item.from_turn else (),
    )


def find_estimated_cost(item: BatchItem) -> Decimal | None:
    """What the job's estimate says of such an item, in USD; of an older job its mean, and None where there is no estimate."""
    stored = item.job.estimate
    found = stored.get("item_costs", {}).get(name_kind(item.made_from.pk, item.tier))
    if found is None and stored.get("cost") and stored.get("items"):
        found = Decimal(stored["cost"]) / stored["items"]
    return None if found is None else Decimal(found).quantize(NANO_USD)
