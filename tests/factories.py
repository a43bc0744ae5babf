"""Rows for tests: one function per table, keyword-only, everything with a default that fits the constraints.

What is not given is made: a job makes its workspace, a log its item. Extra fields go to the model as they are.
"""

import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.utils import timezone

from batches.models import BatchItem, BatchJob, GenerationLog, PromptSize, RateLimit, Worker
from batches.models.states import Dimension, ItemStatus, JobStatus, LogState
from conversations.models import Conversation, Turn
from conversations.states import Role, Status
from provider.models import LanguageModel, ModelPrice
from templates_app.models import (
    EdgeCase,
    ImportFile,
    Option,
    OptionKind,
    PromptTemplate,
    Scenario,
    TemplateVersion,
)
from templates_app.states import EntryKind, Tier
from templates_app.text.rendering import Variable
from workspaces.actions import create_token
from workspaces.models import Membership, User, Workspace

MODEL = "claude-sonnet-5-5"
PROMPT = "A {{persona ? 'worried' : 'calm'}} client asks about {{topic}}."
PLAIN_VARIABLES = (
    Variable("topic"),
    Variable("persona", required=False),
    Variable("emotion", required=False),
    Variable("intent", required=False),
    Variable("tone", required=False),
)
ENDED = (ItemStatus.COMPLETED, ItemStatus.FAILED, ItemStatus.CANCELLED)
_numbers = itertools.count(1)


def make_user(
    *,
    username: str | None = None,
    staff: bool = False,
    superuser: bool = False,
    password: str | None = None,
    **fields: Any,
) -> User:
    """A person with a personal workspace."""
    return User.objects.create_with_workspace(
        username or f"person{next(_numbers)}",
        password=password,
        is_staff=staff or superuser,
        is_superuser=superuser,
        **fields,
    )


def make_workspace(*, name: str | None = None, owner: User | None = None, **fields: Any) -> Workspace:
    """A workspace that several people may share."""
    workspace = Workspace.objects.create(name=name or f"workspace {next(_numbers)}", **fields)
    if owner is not None:
        make_member(workspace=workspace, user=owner, role=Membership.Role.OWNER)
    return workspace


def make_member(
    *, workspace: Workspace, user: User | None = None, role: Membership.Role = Membership.Role.EDITOR
) -> Membership:
    return Membership.objects.create(workspace=workspace, user=user or make_user(), role=role)


def make_token(*, user: User, name: str = "script") -> str:
    """The text of a new API token."""
    return create_token(user, name=name)


def make_template(
    *,
    workspace: Workspace | None = None,
    name: str | None = None,
    tier: Tier = Tier.TEMPLATE,
    text: str = PROMPT,
    variables: Sequence[Variable] = PLAIN_VARIABLES,
    published: bool = True,
    **fields: Any,
) -> PromptTemplate:
    """A template with its first version."""
    template = PromptTemplate.objects.create(
        workspace=workspace or make_workspace(),
        name=name or f"template {next(_numbers)}",
        tier=tier,
        **fields,
    )
    make_version(template=template, text=text, variables=variables, published=published)
    return template


def make_version(
    *,
    template: PromptTemplate,
    text: str = PROMPT,
    variables: Sequence[Variable] = PLAIN_VARIABLES,
    published: bool = True,
    **fields: Any,
) -> TemplateVersion:
    """The next version of a template."""
    return TemplateVersion.objects.create(
        workspace=template.workspace,
        template=template,
        number=template.versions.count() + 1,
        text=text,
        variables=[variable.to_dict() for variable in variables],
        published_at=timezone.now() if published else None,
        **fields,
    )


def make_scenario(*, workspace: Workspace | None = None, **fields: Any) -> Scenario:
    """A scenario with a name and a topic."""
    number = next(_numbers)
    return Scenario.objects.create(
        workspace=workspace or make_workspace(),
        **{"name": f"scenario {number}", "topic": f"topic {number}", **fields},
    )


def make_edge_case(*, workspace: Workspace | None = None, **fields: Any) -> EdgeCase:
    """An edge case with a name and a topic."""
    number = next(_numbers)
    return EdgeCase.objects.create(
        workspace=workspace or make_workspace(),
        **{"name": f"edge case {number}", "topic": f"topic {number}", **fields},
    )


def make_option(
    *,
    workspace: Workspace | None = None,
    kind: OptionKind = OptionKind.PERSONA,
    name: str | None = None,
    **fields: Any,
) -> Option:
    """One word of an option list."""
    return Option.objects.create(
        workspace=workspace or make_workspace(), kind=kind, name=name or f"option {next(_numbers)}", **fields
    )


def make_import_file(
    *,
    workspace: Workspace | None = None,
    by: User | None = None,
    content: bytes = b"name,topic\nmine,a topic\n",
    **fields: Any,
) -> ImportFile:
    """A file of scenarios that waits for its owner's yes."""
    by = by or make_user()
    return ImportFile.objects.create(
        workspace=workspace or by.personal_workspace(),
        created_by=by,
        content=content,
        **{
            "kind": EntryKind.SCENARIO,
            "name": f"file {next(_numbers)}.csv",
            "expires_at": timezone.now() + timedelta(hours=1),
            **fields,
        },
    )


def make_job(
    *,
    workspace: Workspace | None = None,
    by: User | None = None,
    status: JobStatus = JobStatus.QUEUED,
    items: int = 0,
    **fields: Any,
) -> BatchJob:
    """A job, with `items` queued items. Without a workspace it is the personal one of `by`."""
    if workspace is None:
        by = by or make_user()
        workspace = by.personal_workspace()
    started = {"started_at": timezone.now()} if status not in (JobStatus.DRAFT, JobStatus.QUEUED) else {}
    job = BatchJob.objects.create(
        workspace=workspace,
        created_by=by,
        **{
            "name": f"batch {next(_numbers)}",
            "status": status,
            "model": MODEL,
            "max_tokens": 8192,
            "concurrent_processing": 10,
            "budget_usd": Decimal("10"),
            "total_items": items,
            **started,
            **fields,
        },
    )
    version = make_template(workspace=workspace).versions.get() if items else None
    for _ in range(items):
        make_item(job=job, version=version)
    return job


def make_item(
    *,
    job: BatchJob | None = None,
    status: ItemStatus = ItemStatus.QUEUED,
    version: TemplateVersion | None = None,
    persona: str = "Anxious Investor",
    topic: str = "retirement",
    **fields: Any,
) -> BatchItem:
    """An item of a job. The job's counters are yours to set. A processing item gets its pending log row."""
    job = job or make_job(total_items=1)
    number = next(_numbers)
    item = BatchItem(
        workspace=job.workspace,
        job=job,
        template_version=version or make_template(workspace=job.workspace).versions.get(),
        status=status,
        **{
            "position": job.items.count() + 1,
            "conversation_id": f"fp_anxious_investor_{number:03d}",
            "topic": topic,
            "tier": Tier.TEMPLATE,
            "parameters": {"topic": topic, "persona": persona},
            "ended_at": timezone.now() if status in ENDED else None,
            "progress": 100 if status == ItemStatus.COMPLETED else 0,
            **fields,
        },
    )
    if status != ItemStatus.PROCESSING:
        item.save(force_insert=True)
        return item
    return _processing(item)


def _processing(item: BatchItem) -> BatchItem:
    """Owned by a claim: a token, and a log row whose foreign keys are checked at the end of the transaction."""
    item.token = item.token or uuid4()
    item.claimed_at = item.claimed_at or timezone.now()
    item.status = ItemStatus.QUEUED
    item.save(force_insert=True)
    item.current_log = item.current_log or make_log(item=item)
    item.status = ItemStatus.PROCESSING
    item.save(update_fields=["status", "current_log"])
    return item


def make_conversation(
    *,
    workspace: Workspace | None = None,
    by: User | None = None,
    item: BatchItem | None = None,
    status: Status = Status.PENDING_REVIEW,
    turns: int | Sequence[str] = 4,
    **fields: Any,
) -> Conversation:
    """A conversation with its turns: a number of them, or their texts, user first."""
    if workspace is None:
        workspace = item.workspace if item else (by or make_user()).personal_workspace()
    texts = [f"Turn {number}" for number in range(1, turns + 1)] if isinstance(turns, int) else list(turns)
    key = uuid4()
    approved = {"approved_at": timezone.now()} if status == Status.APPROVED else {}
    conversation = Conversation.objects.create(
        id=key,
        root_id=key,
        workspace=workspace,
        batch_item=item,
        status=status,
        turn_count=len(texts),
        **{
            "created_by": by,
            "template_version": item.template_version if item else None,
            "conversation_id": item.conversation_id if item else f"fp_general_{next(_numbers):03d}",
            "title": "About retirement",
            "persona": "Anxious Investor",
            "topic": "retirement",
            "tier": Tier.TEMPLATE,
            "quality_score": Decimal("7.0"),
            "model": MODEL,
            "actual_cost_usd": Decimal("0.012345678"),
            **approved,
            **fields,
        },
    )
    make_turns(conversation=conversation, texts=texts)
    return conversation


def make_turns(*, conversation: Conversation, texts: Sequence[str]) -> list[Turn]:
    """User and assistant in turn."""
    return Turn.objects.bulk_create(
        Turn(
            workspace=conversation.workspace,
            conversation=conversation,
            turn_number=number,
            role=Role.USER if number % 2 else Role.ASSISTANT,
            content=text,
            token_count=len(text) * 2 // 5,
        )
        for number, text in enumerate(texts, start=1)
    )


def make_log(
    *,
    item: BatchItem | None = None,
    state: LogState = LogState.PENDING,
    conversation: Conversation | None = None,
    **fields: Any,
) -> GenerationLog:
    """One attempt to reach Claude for an item."""
    item = item or make_item()
    return GenerationLog.objects.create(
        workspace=item.workspace,
        job=item.job,
        item=item,
        conversation=conversation,
        template_version=item.template_version,
        state=state,
        **{
            "tier": item.tier,
            "attempt": 1,
            "pool": "demo:sonnet",
            "model": MODEL,
            "max_tokens": 8192,
            "reservation_usd": Decimal("0.1"),
            "price_version": "2026-11-22",
            "deadline": timezone.now() + timedelta(minutes=5),
            "finished_at": None if state == LogState.PENDING else timezone.now(),
            "parameters": item.parameters,
            "request_payload": {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]},
            **fields,
        },
    )


def make_worker(*, queue: str = "generation", slots: int = 4, **fields: Any) -> Worker:
    """A worker process with a fresh heartbeat."""
    return Worker.objects.create(
        **{
            "kind": queue,
            "host": "testhost",
            "pid": next(_numbers),
            "queues": [queue],
            "slots": slots,
            "heartbeat_at": timezone.now(),
            **fields,
        }
    )


def make_prompt_size(*, version: TemplateVersion | None = None, **fields: Any) -> PromptSize:
    """What an estimate has asked a worker to count."""
    version = version or make_template().versions.get()
    return PromptSize.objects.create(
        workspace=version.workspace,
        template_version=version,
        **{
            "model": MODEL,
            "simulated": True,
            "samples": [{"values": {"topic": "retirement"}, "details": {}}],
            "least_bytes": 100,
            "most_bytes": 100,
            **fields,
        },
    )


def make_rate_limit(*, pool: str = "demo:sonnet", per_minute: int = 600, **fields: Any) -> RateLimit:
    return RateLimit.objects.create(
        pool=pool,
        dimension=Dimension.REQUESTS,
        per_minute=per_minute,
        **{"configured": per_minute, "burst": 5.0, "interval_s": 0.1, **fields},
    )


def make_model(*, name: str | None = None, **fields: Any) -> LanguageModel:
    """A model of another server: it takes nothing special, and has no price yet."""
    name = name or f"local-{next(_numbers)}"
    return LanguageModel.objects.create(
        name=name, **{"pool": name, "context": 32_000, "max_output": 16_000, **fields}
    )


def make_price(*, model: LanguageModel, valid_from: date = date(2026, 1, 1), **rates: Any) -> ModelPrice:
    """In USD per million tokens; `free=True` for one that costs nothing."""
    amounts = {} if rates.get("free") else {"input": Decimal(1), "output": Decimal(5)}
    return ModelPrice.objects.create(model=model, valid_from=valid_from, **{**amounts, **rates})
