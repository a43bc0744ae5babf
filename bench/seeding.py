"""Many rows in little time, as a busy workspace has them: for the benchmarks, and for the tests that read query plans."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from batches.models import BatchItem, BatchJob, GenerationLog
from batches.states import ItemStatus, JobStatus, LogState
from conversations.models import Conversation, Turn
from templates_app.models import PromptTemplate, TemplateVersion
from workspaces.models import Workspace

PERSONAS = (
    "Anxious Investor",
    "Recent Graduate",
    "Skeptical Engineer",
    "Gig Worker",
    "Late-Start Saver",
    "Farmer",
    "Nurse",
)
EMOTIONS = ("worried", "hopeful", "ashamed", "angry", "calm", "confused")
TOPICS = (
    "index funds",
    "student loans",
    "a mortgage in a hot market",
    "retirement at fifty",
    "a sudden inheritance",
)
STATUSES = ("generated", "pending_review", "needs_revision", "rejected")
TIERS = ("template", "template", "scenario", "edge_case")
MONEY = Decimal("0.013")


def seed_job(workspace: Workspace, *, size: int, turns: int = 8, running: bool = True) -> BatchJob:
    """A job of `size` items, nine of ten done with their conversation and log, the rest queued or in flight."""
    version = _version(workspace)
    done = size * 9 // 10 if running else size
    job = BatchJob.objects.create(
        workspace=workspace,
        name=f"Seeded {size}",
        status=JobStatus.PROCESSING if running else JobStatus.COMPLETED,
        model="claude-sonnet-5-5",
        max_tokens=8192,
        concurrent_processing=10,
        total_items=size,
        completed_items=done,
        successful_items=done,
        budget_usd=1000,
        worst_item_usd=Decimal("0.09"),
        spent=MONEY * done,
        started_at=timezone.now() - timedelta(hours=1),
        completed_at=None if running else timezone.now(),
    )
    items = [_item(job, version, position, done=position <= done) for position in range(1, size + 1)]
    BatchItem.objects.bulk_create(items, batch_size=2000)
    _conversations(items[:done], version, turns=turns)
    return job


def analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _version(workspace: Workspace) -> TemplateVersion:
    template = PromptTemplate.objects.create(workspace=workspace, name=f"Seeded {uuid4()}", tier="template")
    return TemplateVersion.objects.create(
        workspace=workspace, template=template, number=1, text="{{topic}}", published_at=timezone.now()
    )


def _item(job: BatchJob, version: TemplateVersion, position: int, *, done: bool) -> BatchItem:
    persona = PERSONAS[position % len(PERSONAS)]
    ended_at = timezone.now() - timedelta(seconds=(job.total_items - position) / 10) if done else None
    return BatchItem(
        id=uuid4(),
        workspace=job.workspace,
        job=job,
        position=position,
        conversation_id=f"fp_seed_{job.pk.hex[:6]}_{position:05d}",
        template_version=version,
        topic=TOPICS[position % len(TOPICS)],
        tier=TIERS[position % len(TIERS)],
        parameters={"persona": persona, "emotion": EMOTIONS[position % len(EMOTIONS)]},
        status=ItemStatus.COMPLETED if done else ItemStatus.QUEUED,
        progress=100 if done else 0,
        ended_at=ended_at,
    )


def _conversations(items: list[BatchItem], version: TemplateVersion, *, turns: int) -> None:
    conversations = [_conversation(item, version, number) for number, item in enumerate(items)]
    Conversation.objects.bulk_create(conversations, batch_size=1000)
    Turn.objects.bulk_create(
        (turn for each in conversations for turn in _turns(each, turns)), batch_size=5000
    )
    GenerationLog.objects.bulk_create((_log(item, version) for item in items), batch_size=1000)


def _conversation(item: BatchItem, version: TemplateVersion, number: int) -> Conversation:
    key = uuid4()
    return Conversation(
        id=key,
        root_id=key,
        workspace_id=item.workspace_id,
        conversation_id=item.conversation_id,
        batch_item=item,
        template_version=version,
        title=f"{item.parameters['persona']} asks about {item.topic}, number {number}",
        persona=item.parameters["persona"],
        emotion=item.parameters["emotion"],
        topic=item.topic,
        tier=item.tier,
        status=STATUSES[number % len(STATUSES)],
        quality_score=Decimal(number % 101) / 10,
        turn_count=8,
        total_tokens=2500,
        actual_cost_usd=MONEY,
        created_at=timezone.now() - timedelta(seconds=len(item.topic) + number),
        simulated=True,
        parameters=item.parameters,
        model="claude-sonnet-5-5",
    )


def _turns(conversation: Conversation, turns: int) -> list[Turn]:
    roles = ("user", "assistant")
    return [
        Turn(
            workspace_id=conversation.workspace_id,
            conversation=conversation,
            turn_number=number,
            role=roles[(number - 1) % 2],
            content=f"Turn {number} of {conversation.title}. " * 6,
        )
        for number in range(1, turns + 1)
    ]


def _log(item: BatchItem, version: TemplateVersion) -> GenerationLog:
    return GenerationLog(
        workspace_id=item.workspace_id,
        job_id=item.job_id,
        item=item,
        template_version=version,
        attempt=1,
        state=LogState.SUCCEEDED,
        pool="demo:claude-sonnet-5-5",
        model="claude-sonnet-5-5",
        max_tokens=8192,
        reservation_usd=Decimal("0.09"),
        cost_usd=MONEY,
        price_version="seed",
        deadline=timezone.now(),
        request_payload={},
        input_tokens=1400,
        output_tokens=1100,
    )
