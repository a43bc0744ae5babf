"""The factories behind `tests.factories`: for each table the defaults that satisfy its constraints."""

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.utils import timezone
from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, SubFactory
from factory.django import DjangoModelFactory

from background.models import BackgroundJob
from batches.models import BatchItem, BatchJob, GenerationLog, PromptSize, RateLimit, Worker
from batches.models.states import Dimension, ItemStatus, JobStatus, LogState
from conversations.models import Conversation, DimensionScore, Judgement, SavedView, Turn
from conversations.states import Role, Status
from exports.models import Export, ExportItem, ImportedFile
from exports.models.import_files import FileKind
from provider.models import LanguageModel, ModelPrice
from templates_app.models import EdgeCase, ImportFile, Option, PromptTemplate, Scenario, TemplateVersion
from templates_app.states import EntryKind, Tier
from workspaces.models import Membership, User, Workspace

DEFAULT_MODEL = "claude-sonnet-5-5"
ENDED = (ItemStatus.COMPLETED, ItemStatus.FAILED, ItemStatus.CANCELLED)
# All factories share one counter, so that no number appears twice in a test.
_numbers = itertools.count(1)


def number_text(text: str) -> Any:
    """A default with the next number in place of `{}`."""
    return LazyFunction(lambda: text.format(next(_numbers)))


# --- people and workspaces -----------------------------------------------------------------------------


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    username = number_text("person{}")

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **fields: Any) -> User:
        return model_class.objects.create_user(**fields)


class WorkspaceFactory(DjangoModelFactory[Workspace]):
    class Meta:
        model = Workspace

    name = number_text("workspace {}")


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    user = SubFactory(UserFactory)


class BackgroundJobFactory(DjangoModelFactory[BackgroundJob]):
    class Meta:
        model = BackgroundJob

    workspace = SubFactory(WorkspaceFactory)
    kind = "rescore"
    name = number_text("background job {}")


class ExportFactory(DjangoModelFactory[Export]):
    class Meta:
        model = Export

    workspace = SubFactory(WorkspaceFactory)
    name = number_text("export {}")
    format = "messages"


class ExportItemFactory(DjangoModelFactory[ExportItem]):
    class Meta:
        model = ExportItem

    export = SubFactory(ExportFactory)
    workspace = SelfAttribute("export.workspace")
    position = 1
    version = 1
    content_hash = "0" * 64
    group = LazyFunction(uuid4)
    split = "train"
    status = Status.APPROVED


# --- templates and the library -------------------------------------------------------------------------


class TemplateFactory(DjangoModelFactory[PromptTemplate]):
    class Meta:
        model = PromptTemplate

    workspace = SubFactory(WorkspaceFactory)
    name = number_text("template {}")


class VersionFactory(DjangoModelFactory[TemplateVersion]):
    class Meta:
        model = TemplateVersion

    workspace = SelfAttribute("template.workspace")
    number = LazyAttribute(lambda version: version.template.versions.count() + 1)


class SituationFactory(DjangoModelFactory[Any]):
    class Meta:
        abstract = True

    class Params:
        number = LazyFunction(lambda: next(_numbers))

    workspace = SubFactory(WorkspaceFactory)
    topic = LazyAttribute(lambda situation: f"topic {situation.number}")


class ScenarioFactory(SituationFactory):
    class Meta:
        model = Scenario

    name = LazyAttribute(lambda scenario: f"scenario {scenario.number}")


class EdgeCaseFactory(SituationFactory):
    class Meta:
        model = EdgeCase

    name = LazyAttribute(lambda edge_case: f"edge case {edge_case.number}")


class OptionFactory(DjangoModelFactory[Option]):
    class Meta:
        model = Option

    workspace = SubFactory(WorkspaceFactory)
    name = number_text("option {}")


class ImportFileFactory(DjangoModelFactory[ImportFile]):
    class Meta:
        model = ImportFile

    created_by = SubFactory(UserFactory)
    workspace = LazyAttribute(lambda file: file.created_by.personal_workspace())
    kind = EntryKind.SCENARIO
    name = number_text("file {}.csv")
    expires_at = LazyFunction(lambda: timezone.now() + timedelta(hours=1))


class ImportedFileFactory(DjangoModelFactory[ImportedFile]):
    class Meta:
        model = ImportedFile

    created_by = SubFactory(UserFactory)
    workspace = LazyAttribute(lambda file: file.created_by.personal_workspace())
    kind = FileKind.CONVERSATIONS
    name = number_text("talks {}.jsonl")
    expires_at = LazyFunction(lambda: timezone.now() + timedelta(hours=1))


# --- jobs and items ------------------------------------------------------------------------------------


class JobFactory(DjangoModelFactory[BatchJob]):
    class Meta:
        model = BatchJob

    name = number_text("batch {}")
    model = DEFAULT_MODEL
    max_tokens = 8192
    concurrent_processing = 10
    budget_usd = Decimal("10")
    started_at = LazyAttribute(
        lambda job: None if job.status in (JobStatus.DRAFT, JobStatus.QUEUED) else timezone.now()
    )


class ItemFactory(DjangoModelFactory[BatchItem]):
    class Meta:
        model = BatchItem

    class Params:
        persona = "Anxious Investor"

    workspace = SelfAttribute("job.workspace")
    position = LazyAttribute(lambda item: item.job.items.count() + 1)
    conversation_id = LazyFunction(lambda: f"fp_anxious_investor_{next(_numbers):03d}")
    tier = Tier.TEMPLATE
    parameters = LazyAttribute(lambda item: {"topic": item.topic, "persona": item.persona})
    ended_at = LazyAttribute(lambda item: timezone.now() if item.status in ENDED else None)
    progress = LazyAttribute(lambda item: 100 if item.status == ItemStatus.COMPLETED else 0)


class LogFactory(DjangoModelFactory[GenerationLog]):
    class Meta:
        model = GenerationLog

    workspace = SelfAttribute("item.workspace")
    job = SelfAttribute("item.job")
    template_version = SelfAttribute("item.template_version")
    tier = SelfAttribute("item.tier")
    parameters = SelfAttribute("item.parameters")
    attempt = 1
    pool = "demo:sonnet"
    model = DEFAULT_MODEL
    max_tokens = 8192
    reservation_usd = Decimal("0.1")
    price_version = "2026-11-22"
    deadline = LazyFunction(lambda: timezone.now() + timedelta(minutes=5))
    finished_at = LazyAttribute(lambda log: None if log.state == LogState.PENDING else timezone.now())
    request_payload = LazyFunction(
        lambda: {"model": DEFAULT_MODEL, "messages": [{"role": "user", "content": "Hello"}]}
    )


class WorkerFactory(DjangoModelFactory[Worker]):
    class Meta:
        model = Worker

    host = "testhost"
    pid = LazyFunction(lambda: next(_numbers))
    queues = LazyAttribute(lambda worker: [worker.kind])
    heartbeat_at = LazyFunction(timezone.now)


class PromptSizeFactory(DjangoModelFactory[PromptSize]):
    class Meta:
        model = PromptSize

    workspace = SelfAttribute("template_version.workspace")
    model = DEFAULT_MODEL
    simulated = True
    samples = LazyFunction(lambda: [{"values": {"topic": "retirement"}, "details": {}}])
    least_bytes = 100
    most_bytes = 100


class RateLimitFactory(DjangoModelFactory[RateLimit]):
    class Meta:
        model = RateLimit

    dimension = Dimension.REQUESTS
    configured = SelfAttribute("per_minute")
    burst = 5.0
    interval_s = 0.1


# --- conversations -------------------------------------------------------------------------------------


class ConversationFactory(DjangoModelFactory[Conversation]):
    class Meta:
        model = Conversation

    id = LazyFunction(uuid4)
    root_id = SelfAttribute("id")
    template_version = LazyAttribute(
        lambda conversation: conversation.batch_item and conversation.batch_item.template_version
    )
    origin_job = LazyAttribute(lambda conversation: conversation.batch_item and conversation.batch_item.job)
    conversation_id = LazyAttribute(
        lambda conversation: (
            conversation.batch_item.conversation_id
            if conversation.batch_item
            else f"fp_made_{next(_numbers):03d}"
        )
    )
    title = "About retirement"
    persona = "Anxious Investor"
    topic = "retirement"
    tier = Tier.TEMPLATE
    quality_score = Decimal("7.0")
    model = DEFAULT_MODEL
    actual_cost_usd = Decimal("0.012345678")
    approved_at = LazyAttribute(
        lambda conversation: timezone.now() if conversation.status == Status.APPROVED else None
    )


class TurnFactory(DjangoModelFactory[Turn]):
    class Meta:
        model = Turn

    workspace = SelfAttribute("conversation.workspace")
    role = LazyAttribute(lambda turn: Role.USER if turn.turn_number % 2 else Role.ASSISTANT)
    token_count = LazyAttribute(lambda turn: len(turn.content) * 2 // 5)


class SavedViewFactory(DjangoModelFactory[SavedView]):
    class Meta:
        model = SavedView

    name = number_text("view {}")
    query = "tier=template"


class JudgementFactory(DjangoModelFactory[Judgement]):
    class Meta:
        model = Judgement

    workspace = SelfAttribute("conversation.workspace")
    content_hash = "0" * 64
    model = DEFAULT_MODEL
    cost_usd = Decimal("0.004")


class DimensionScoreFactory(DjangoModelFactory[DimensionScore]):
    class Meta:
        model = DimensionScore

    workspace = SelfAttribute("judgement.workspace")
    turn_number = 1
    reason = "It shows it."


# --- the model table -----------------------------------------------------------------------------------


class LanguageModelFactory(DjangoModelFactory[LanguageModel]):
    class Meta:
        model = LanguageModel

    name = number_text("local-{}")
    pool = SelfAttribute("name")
    context = 32_000
    max_output = 16_000


class ModelPriceFactory(DjangoModelFactory[ModelPrice]):
    class Meta:
        model = ModelPrice

    input = LazyAttribute(lambda price: Decimal(0) if price.free else Decimal(1))
    output = LazyAttribute(lambda price: Decimal(0) if price.free else Decimal(5))
    free = False
