"""One conversation: build the request from a template version and values, and store a parsed draft as rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from claude import current_models
from claude.counts import bound_tokens
from claude.current_models import ModelTable, UnknownModel
from claude.messages import Reply, Request, Usage
from conversations.comparison import compare_after_commit
from conversations.details import append_details
from conversations.models import Conversation
from conversations.parsing import SCHEMA, SHAPE_IN_WORDS, Draft
from conversations.regeneration import Regeneration, append_regeneration, join_turns
from conversations.scoring import score_turns
from conversations.states import Source
from conversations.thresholds import Thresholds
from conversations.versions import add_version, build_turns, read_turns
from lib.statements import insert
from templates_app.models import TemplateVersion
from templates_app.states import LONGEST_TOPIC
from templates_app.text.rendering import resolve
from workspaces.audit import record
from workspaces.models import User
from workspaces.states import Action, TargetKind

PARENT_DELETED = (
    "The version that it was made from has been deleted meanwhile, so it is kept beside the newest one."
)


class DraftGone(Exception):
    """The draft that was to be filled is no draft any more."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a conversation is made from: everything about it that is known before Claude replies."""

    workspace_id: UUID
    created_by_id: UUID | None
    batch_item_id: UUID
    job_id: UUID
    conversation_id: str
    template_version: TemplateVersion
    tier: str
    topic: str
    category: list[str]
    parameters: Mapping[str, Any]
    estimated_cost_usd: Decimal | None = None
    # Of a regeneration: the version that it was started for (None once that is deleted), and what was asked.
    regenerates: bool = False
    parent_id: UUID | None = None
    instruction: str = ""
    from_turn: int | None = None
    fills_id: UUID | None = None  # the draft that it becomes


def build_request(
    *,
    version: TemplateVersion,
    values: Mapping[str, Any],
    model: str,
    max_tokens: int,
    details: Mapping[str, str] | None = None,
    tag: str = "",
    regeneration: Regeneration | None = None,
) -> Request:
    """The request for one conversation; `details` are added below the text, and then what a regeneration asks for.

    Raises ValuesError with every wrong value.

    For a model that accepts no schema, the form of the reply is described in words at the end of the prompt.
    """
    resolved = resolve(version.typed_variables(), values)
    asked = version.model or model
    prompt = append_details(version.prompt(resolved), details or {})
    if regeneration is not None:
        prompt = append_regeneration(prompt, regeneration)
    shaped = takes_schema(asked)
    return Request(
        model=asked,
        max_tokens=max_tokens,
        prompt=prompt if shaped else f"{prompt}\n\n{SHAPE_IN_WORDS}",
        system=version.filled_system_prompt(resolved),
        schema=SCHEMA if shaped else None,
        temperature=settings.ENVIRONMENT.anthropic_temperature,  # left out by the translation for a model that accepts none
        tag=tag,
    )


def add_cache_mark(request: Request, shared: Mapping[str, Mapping[str, Any]], *, version_id: UUID) -> Request:
    """The request with the cache mark of its template version; unchanged if there is none.

    `shared`: version id to `characters` and `lifetime`, from the job's estimate.
    """
    found = shared.get(str(version_id))
    if not found:
        return request
    return replace(request, shared=found["characters"], lifetime=found["lifetime"])


def takes_schema(model: str) -> bool:
    """Whether the model accepts a schema. False for a model without a card, which is shown in previews and never called."""
    try:
        return current_models.find_card(model).structured_outputs
    except UnknownModel:
        return False


def input_tokens(request: Request) -> int:
    """An upper bound of the prompt's tokens: half of its UTF-8 bytes, rounded up."""
    return bound_tokens(request.prompt, request.system)


def compute_worst_case(request: Request, *, on: date) -> Decimal:
    """The most that this call can cost, in USD. Raises UnknownPrice; then it is not made."""
    return current_models.compute_worst_case(
        model=request.model,
        input_tokens=input_tokens(request),
        max_tokens=request.max_tokens,
        on=on,
        lifetime=request.lifetime,
    )


def compute_cost(reply: Reply, *, model: str, on: date, prices: ModelTable | None = None) -> Decimal:
    """What this reply cost, in USD, exactly. `prices`: the table its call was made under; the current one by default."""
    return (prices or current_models.get_active()).cost(reply.usage, model=model, on=on)


def compute_saving(reply: Reply, *, model: str, on: date, prices: ModelTable | None = None) -> Decimal:
    """How much caching saved of this reply's cost, in USD, exactly. Below 0 when it wrote to the cache and read nothing."""
    usage, table = reply.usage, prices or current_models.get_active()
    if usage.prompt_tokens == usage.input_tokens:
        return Decimal(0)
    plain = Usage(input_tokens=usage.prompt_tokens, output_tokens=usage.output_tokens)
    return table.cost(plain, model=model, on=on) - table.cost(usage, model=model, on=on)


def write(
    draft: Draft,
    *,
    origin: Origin,
    reply: Reply,
    cost_usd: Decimal,
    key: UUID | None = None,
) -> Conversation:
    """Store the conversation with its turns and score, under `key` if it is given. The caller owns the transaction.

    A draft that is named is filled and keeps its key. Raises DraftGone when it is none any more.

    A regeneration becomes a new version. Where its whole conversation has been deleted, it is stored as a new one.
    """
    key = key or uuid4()
    if origin.regenerates and (parent := find_parent(origin)) is not None:
        return _write_version(draft, parent, origin=origin, reply=reply, cost_usd=cost_usd, key=key)
    fields = {
        "title": draft.title or _make_title(origin),
        **score_turns(
            draft.turns,
            version=origin.template_version,
            thresholds=Thresholds.of(origin.workspace_id),
            flags=draft.flags,
        ),
        **_origin_fields(origin),
        **_reply_fields(reply, cost_usd=cost_usd),
    }
    if origin.fills_id is not None:
        conversation = _fill_draft(origin.fills_id, origin, fields)
    else:
        conversation = Conversation(id=key, root_id=key, **fields)
        insert([conversation])
    insert(build_turns(draft.turns, conversation))
    compare_after_commit(conversation.pk)
    return conversation


def _fill_draft(key: UUID, origin: Origin, fields: Mapping[str, Any]) -> Conversation:
    """The draft with these fields; it keeps its ids, its workspace and its creator."""
    kept = ("workspace_id", "created_by_id", "conversation_id")
    rows = Conversation.objects.filter(pk=key).can_be_filled_by(origin.batch_item_id)
    if not rows.update(**{name: value for name, value in fields.items() if name not in kept}):
        raise DraftGone
    return Conversation.objects.get(pk=key)


def find_parent(origin: Origin) -> Conversation | None:
    """The version that a regeneration was started for, else the newest one of its conversation. None when all are deleted."""
    rows = Conversation.objects.filter(workspace=origin.workspace_id)
    parent = rows.filter(pk=origin.parent_id).first() if origin.parent_id is not None else None
    return parent or rows.heads().filter(conversation_id=origin.conversation_id).first()


def _write_version(
    draft: Draft, parent: Conversation, *, origin: Origin, reply: Reply, cost_usd: Decimal, key: UUID
) -> Conversation:
    """The version, archived beside the newest one if that is not the one which it was started for."""
    lost = parent.pk != origin.parent_id
    by = User.objects.filter(pk=origin.created_by_id).first() if origin.created_by_id else None
    fields = {**_origin_fields(origin), **_reply_fields(reply, cost_usd=cost_usd)}
    for inherited in (
        "workspace_id",
        "created_by_id",
        "origin_job_id",
        "conversation_id",
        "template_version",
    ):
        del fields[inherited]
    from_turn = None if lost else origin.from_turn
    made = add_version(
        parent,
        turns=join_turns(read_turns(parent) if from_turn else (), draft.turns, from_turn),
        by=by,
        source=Source.GENERATED,
        change_note=origin.instruction,
        flags=draft.flags,
        template_version=origin.template_version,
        beside=PARENT_DELETED if lost else "",
        key=key,
        title=draft.title or parent.title,
        **fields,
    )
    after = {"version": made.version, **({"from_turn": from_turn} if from_turn else {})}
    record(action=Action.REGENERATE, kind=TargetKind.CONVERSATION, target=made, by=by, after=after)
    return made


def _make_title(origin: Origin) -> str:
    persona = str(origin.parameters.get("persona") or "")
    return " - ".join(part for part in (persona, origin.topic) if part)[:300] or origin.conversation_id


def _origin_fields(origin: Origin) -> dict[str, Any]:
    words = {
        name: str(origin.parameters.get(name) or "")[:200]
        for name in ("persona", "emotion", "intent", "tone")
    }
    return {
        "workspace_id": origin.workspace_id,
        "created_by_id": origin.created_by_id,
        "batch_item_id": origin.batch_item_id,
        "origin_job_id": origin.job_id,
        "conversation_id": origin.conversation_id,
        "template_version": origin.template_version,
        "language": origin.template_version.language,
        "tier": origin.tier,
        "topic": origin.topic[:LONGEST_TOPIC],
        "category": origin.category,
        "parameters": dict(origin.parameters),
        "estimated_cost_usd": origin.estimated_cost_usd,
        **words,
    }


def _reply_fields(reply: Reply, *, cost_usd: Decimal) -> dict[str, Any]:
    return {
        "model": reply.model[:100],
        "simulated": reply.simulated,
        "total_tokens": reply.usage.prompt_tokens + reply.usage.output_tokens,
        "actual_cost_usd": cost_usd,
        "generation_duration_ms": reply.duration_ms,
    }
