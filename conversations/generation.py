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
from conversations.scoring import score_turns
from conversations.thresholds import Thresholds
from conversations.versions import build_turns
from lib.statements import insert
from templates_app.models import TemplateVersion
from templates_app.states import LONGEST_TOPIC
from templates_app.text.rendering import resolve


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


def build_request(
    *,
    version: TemplateVersion,
    values: Mapping[str, Any],
    model: str,
    max_tokens: int,
    details: Mapping[str, str] | None = None,
    tag: str = "",
) -> Request:
    """The request for one conversation; `details` are added below the text. Raises ValuesError with every wrong value.

    For a model that accepts no schema, the form of the reply is described in words at the end of the prompt.
    """
    resolved = resolve(version.typed_variables(), values)
    asked = version.model or model
    prompt = append_details(version.prompt(resolved), details or {})
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
    """Store the conversation with its turns and score, under `key` if it is given. The caller owns the transaction."""
    key = key or uuid4()
    conversation = Conversation(
        id=key,
        root_id=key,
        title=draft.title or _make_title(origin),
        **score_turns(
            draft.turns,
            version=origin.template_version,
            thresholds=Thresholds.of(origin.workspace_id),
            flags=draft.flags,
        ),
        **_origin_fields(origin),
        **_reply_fields(reply, cost_usd=cost_usd),
    )
    insert([conversation])
    insert(build_turns(draft.turns, conversation))
    compare_after_commit(key)
    return conversation


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
