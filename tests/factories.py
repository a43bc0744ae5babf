"""Rows for tests: one function per table, keyword-only, everything with a default that satisfies the constraints.

The defaults come from the factories in `tests.factory_classes`; the functions give them types. What is not given is made
too: a job makes its workspace, a log its item. Extra fields go to the model as they are.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import uuid4

from django.utils import timezone

from background.models import BackgroundJob
from batches.models import BatchItem, BatchJob, GenerationLog, PromptSize, RateLimit, Worker
from batches.models.states import ItemStatus, JobStatus, LogState
from conversations.judging.rubric import find_rubric
from conversations.models import Conversation, Judgement, SavedView, Turn
from conversations.states import JudgedDimension, Status
from exports.importing.reading import read_file
from exports.importing.uploading import build_report
from exports.models import Export, ImportedFile
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
from templates_app.states import Tier
from templates_app.text.rendering import Variable
from tests import factory_classes as classes
from workspaces.actions import create_token
from workspaces.models import Membership, User, Workspace
from workspaces.states import Scope

MODEL = classes.DEFAULT_MODEL
PROMPT = "A {{persona ? 'worried' : 'calm'}} client asks about {{topic}}."
TALK = b'{"messages":[{"role":"user","content":"Hi?"},{"role":"assistant","content":"Hello."}]}\n'
PLAIN_VARIABLES = (
    Variable("topic"),
    Variable("persona", required=False),
    Variable("emotion", required=False),
    Variable("intent", required=False),
    Variable("tone", required=False),
)


def _given(**fields: Any) -> dict[str, Any]:
    """The fields that are given; for the others the factory has its default."""
    return {name: value for name, value in fields.items() if value is not None}


# --- people and workspaces -----------------------------------------------------------------------------


def make_user(
    *,
    username: str | None = None,
    staff: bool = False,
    superuser: bool = False,
    password: str | None = None,
    **fields: Any,
) -> User:
    """A person with a personal workspace."""
    powers = {"is_staff": staff or superuser, "is_superuser": superuser}
    return classes.UserFactory.create(password=password, **powers, **_given(username=username), **fields)


def make_workspace(*, name: str | None = None, owner: User | None = None, **fields: Any) -> Workspace:
    """A workspace that several people may share."""
    workspace = classes.WorkspaceFactory.create(**_given(name=name), **fields)
    if owner is not None:
        make_member(workspace=workspace, user=owner, role=Membership.Role.OWNER)
    return workspace


def make_member(
    *, workspace: Workspace, user: User | None = None, role: Membership.Role = Membership.Role.EDITOR
) -> Membership:
    return classes.MembershipFactory.create(workspace=workspace, role=role, **_given(user=user))


def make_token(
    *,
    user: User,
    name: str = "script",
    scope: Scope = Scope.ADMIN,
    workspace: Workspace | None = None,
    days: int | None = 365,
) -> str:
    """The text of a new API token, which may do everything unless told otherwise."""
    return create_token(user, name=name, scope=scope, workspace=workspace, days=days)


def make_background_job(
    *, workspace: Workspace | None = None, by: User | None = None, **fields: Any
) -> BackgroundJob:
    """One that waits for a worker, in the person's workspace."""
    if workspace is None and by is not None:
        workspace = by.personal_workspace()
    return classes.BackgroundJobFactory.create(created_by=by, **_given(workspace=workspace), **fields)


def make_export(
    *, workspace: Workspace | None = None, by: User | None = None, items: int = 0, **fields: Any
) -> Export:
    """One without a job, in the person's workspace; with `items` frozen rows, whose conversations are gone."""
    if workspace is None and by is not None:
        workspace = by.personal_workspace()
    made = classes.ExportFactory.create(created_by=by, **_given(workspace=workspace), **fields)
    for position in range(1, items + 1):
        classes.ExportItemFactory.create(export=made, position=position)
    return made


# --- templates and the library -------------------------------------------------------------------------


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
    template = classes.TemplateFactory.create(tier=tier, **_given(workspace=workspace, name=name), **fields)
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
    return classes.VersionFactory.create(
        template=template,
        text=text,
        variables=[variable.to_dict() for variable in variables],
        published_at=timezone.now() if published else None,
        **fields,
    )


def make_scenario(*, workspace: Workspace | None = None, **fields: Any) -> Scenario:
    """A scenario with a name and a topic."""
    made: Scenario = classes.ScenarioFactory.create(**_given(workspace=workspace), **fields)
    return made


def make_edge_case(*, workspace: Workspace | None = None, **fields: Any) -> EdgeCase:
    """An edge case with a name and a topic."""
    made: EdgeCase = classes.EdgeCaseFactory.create(**_given(workspace=workspace), **fields)
    return made


def make_option(
    *,
    workspace: Workspace | None = None,
    kind: OptionKind = OptionKind.PERSONA,
    name: str | None = None,
    **fields: Any,
) -> Option:
    """One choice of an option list."""
    return classes.OptionFactory.create(kind=kind, **_given(workspace=workspace, name=name), **fields)


def make_import_file(
    *,
    workspace: Workspace | None = None,
    by: User | None = None,
    content: bytes = b"name,topic\nmine,a topic\n",
    **fields: Any,
) -> ImportFile:
    """A file of scenarios that waits for its owner to import it."""
    return classes.ImportFileFactory.create(
        content=content, **_given(workspace=workspace, created_by=by), **fields
    )


def make_imported_file(*, by: User | None = None, content: bytes = TALK, **fields: Any) -> ImportedFile:
    """A file of one conversation that waits for its owner to import it."""
    owner = by or make_user()
    report = build_report(read_file(content), owner.personal_workspace())
    return classes.ImportedFileFactory.create(
        content=content, size=len(content), created_by=owner, **{"report": report, **fields}
    )


# --- jobs and items ------------------------------------------------------------------------------------


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
    job = classes.JobFactory.create(
        workspace=workspace, created_by=by, status=status, **{"total_items": items, **fields}
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
    version = version or make_template(workspace=job.workspace).versions.get()
    item = classes.ItemFactory.build(
        job=job, template_version=version, status=status, persona=persona, topic=topic, **fields
    )
    if status != ItemStatus.PROCESSING:
        item.save(force_insert=True)
        return item
    return _start_processing(item)


def _start_processing(item: BatchItem) -> BatchItem:
    """Owned by a claim: a token, and a log row whose foreign keys are checked at the end of the transaction."""
    item.token = item.token or uuid4()
    item.claimed_at = item.claimed_at or timezone.now()
    item.status = ItemStatus.QUEUED
    item.save(force_insert=True)
    item.current_log = item.current_log or make_log(item=item)
    item.status = ItemStatus.PROCESSING
    item.save(update_fields=["status", "current_log"])
    return item


def make_log(
    *,
    item: BatchItem | None = None,
    state: LogState = LogState.PENDING,
    conversation: Conversation | None = None,
    **fields: Any,
) -> GenerationLog:
    """One attempt to reach Claude for an item."""
    return classes.LogFactory.create(
        item=item or make_item(), state=state, conversation=conversation, **fields
    )


def make_worker(*, queue: str = "generation", slots: int = 4, **fields: Any) -> Worker:
    """A worker process with a fresh heartbeat."""
    return classes.WorkerFactory.create(**{"kind": queue, "slots": slots, **fields})


def make_prompt_size(*, version: TemplateVersion | None = None, **fields: Any) -> PromptSize:
    """What an estimate has asked a worker to count."""
    return classes.PromptSizeFactory.create(
        template_version=version or make_template().versions.get(), **fields
    )


def make_rate_limit(*, pool: str = "demo:sonnet", per_minute: int = 600, **fields: Any) -> RateLimit:
    return classes.RateLimitFactory.create(pool=pool, per_minute=per_minute, **fields)


# --- conversations -------------------------------------------------------------------------------------


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
    given = {"created_by": by, "turn_count": len(texts), **fields}
    conversation = classes.ConversationFactory.create(
        workspace=workspace, batch_item=item, status=status, **given
    )
    make_turns(conversation=conversation, texts=texts)
    return conversation


def make_turns(*, conversation: Conversation, texts: Sequence[str]) -> list[Turn]:
    """User and assistant in turn."""
    return Turn.objects.bulk_create(
        classes.TurnFactory.build(conversation=conversation, turn_number=number, content=text)
        for number, text in enumerate(texts, start=1)
    )


def make_judgement(
    *, conversation: Conversation | None = None, scores: Mapping[str, int] | None = None, **fields: Any
) -> Judgement:
    """A judgement by the newest rubric. `scores`: by dimension; 7 where none is given. Every quote is the first turn's text."""
    conversation = conversation or make_conversation()
    rubric = fields.pop("rubric", None) or find_rubric(conversation.workspace)
    made = classes.JudgementFactory.create(conversation=conversation, rubric=rubric, **fields)
    quote = conversation.turns.order_by("turn_number")[0].content
    for dimension in JudgedDimension.values:
        score = (scores or {}).get(dimension, 7)
        classes.DimensionScoreFactory.create(judgement=made, dimension=dimension, score=score, quote=quote)
    return made


def make_saved_view(*, user: User | None = None, **fields: Any) -> SavedView:
    """A filter of the list under a name; `query` is its query string."""
    return classes.SavedViewFactory.create(user=user or make_user(), **fields)


# --- the model table -----------------------------------------------------------------------------------


def make_model(*, name: str | None = None, **fields: Any) -> LanguageModel:
    """A model of another server: it takes nothing special, and has no price yet."""
    return classes.LanguageModelFactory.create(**_given(name=name), **fields)


def make_price(*, model: LanguageModel, valid_from: date = date(2026, 1, 1), **rates: Any) -> ModelPrice:
    """In USD per million tokens; `free=True` for one that costs nothing."""
    return classes.ModelPriceFactory.create(model=model, valid_from=valid_from, **rates)
