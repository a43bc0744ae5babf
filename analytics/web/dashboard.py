"""What the dashboard shows: totals beside those of the period before, three charts, batches, what waits, and the first steps."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Count, Exists, Func, IntegerField, Max, Q, Subquery, Sum
from django.urls import reverse

from analytics.models import DailyCalls, DailyConversations, DailyDecisions, Day
from analytics.reports.finding import list_all_bands, sort_by_tier
from analytics.reports.registry import link_to_list
from analytics.reports.scope import Scope, find_start_of_week
from analytics.web import drawing
from batches.models import BatchJob
from batches.models.month_so_far import this_month
from batches.models.states import RESUMABLE, RUNNING, JobStatus
from batches.reports.progress import state_word
from conversations.models import Conversation
from conversations.states import Status
from exports.models import Export
from workspaces.models import User

NEWEST = 8  # batches
ONE_PLACE = Decimal("0.1")


class Totals(NamedTuple):
    """`mean` is the mean score, from 0 to 10; None where nothing has a score. `cost` in USD."""

    made: int
    approved: int
    mean: Decimal | None
    cost: Decimal

    @property
    def approved_percent(self) -> int | None:
        return round(100 * self.approved / self.made) if self.made else None


class Step(NamedTuple):
    """A step of the first run: whether it was taken, and where to take it."""

    words: str
    done: bool
    href: str


class Attention(NamedTuple):
    number: int
    one: str
    many: str
    href: str

    @property
    def words(self) -> str:
        return self.one if self.number == 1 else self.many


class Numbers:
    """The sums of a period and of the one before, in two queries."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        made = self._find(DailyConversations).values_list("is_now", "tier", "status", "band")
        sums = (Sum("conversations"), Sum("scored"), Sum("score_sum"), Max("computed_at"))
        self.made = list(made.annotate(n=sums[0], rated=sums[1], score=sums[2], last=sums[3]))
        paid = self._find(DailyCalls).values_list("is_now", "day", "model")
        self.paid = list(paid.annotate(cost=Sum("cost_usd"), last=Max("computed_at")))

    @property
    def as_of(self) -> datetime | None:
        return max((row[-1] for row in (*self.made, *self.paid)), default=None)

    def add_up(self, *, now: bool) -> Totals:
        """The totals of the period, or of the one before."""
        made = [row for row in self.made if row[0] == now]
        scored = sum(row[5] for row in made)
        return Totals(
            made=sum(row[4] for row in made),
            approved=sum(row[4] for row in made if row[2] == Status.APPROVED),
            mean=(sum((row[6] for row in made), Decimal(0)) / scored).quantize(ONE_PLACE) if scored else None,
            cost=sum((row[3] for row in self.paid if row[0] == now), Decimal(0)),
        )

    def by_status(self) -> list[dict[str, Any]]:
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for _, tier, status, _, number, *_ in self._now(self.made):
            sums[tier, status] += number
        return sort_by_tier(
            {"tier": tier, "status": status, "conversations": number}
            for (tier, status), number in sums.items()
        )

    def by_score(self) -> list[dict[str, Any]]:
        sums: dict[int, int] = defaultdict(int)
        for _, _, _, band, number, *_ in self._now(self.made):
            if band is not None:
                sums[band] += number
        return list_all_bands(sums)

    def by_day(self) -> list[dict[str, Any]]:
        """The cost by model and by day, or by week where the period is long."""
        return [
            {
                "since": find_start_of_week(day) if self.scope.by_week else day,
                "model": model,
                "cost_usd": cost,
            }
            for _, day, model, cost, _ in self._now(self.paid)
        ]

    def _find(self, model: type[Day]) -> Any:
        before = self.scope.before
        rows = (before.widen_to(self.scope) if before else self.scope).find_days(model).order_by()
        return rows.annotate(
            is_now=Q(day__gte=self.scope.since) if self.scope.since else Q(day__isnull=False)
        )

    def _now(self, rows: Sequence[Any]) -> list[Any]:
        return [row for row in rows if row[0]]


def build_dashboard(scope: Scope) -> dict[str, Any]:
    """Everything on the page below its head; seven queries. `running` is for the strip, where the list of batches knows it."""
    numbers, workspace = Numbers(scope), scope.user.working_workspace()
    by_status, by_day = numbers.by_status(), numbers.by_day()
    mine = BatchJob.objects.filter(workspace__in=scope.workspaces).listed()
    steps, flagged_since = list_steps(scope)
    newest = list(mine.newest_first()[:NEWEST])
    running = next((job for job in newest if job.status in RUNNING), None)
    return {
        **({"running": running} if running else {}),
        "as_of": numbers.as_of,
        "totals": numbers.add_up(now=True),
        "before": numbers.add_up(now=False) if scope.before else None,
        "month": this_month(workspace),
        "made_link": link_to_list(scope),
        "approved_link": link_to_list(scope, status=Status.APPROVED),
        "charts": [
            ("conversations", drawing.draw_conversations(by_status, scope) if by_status else None),
            ("scores", drawing.draw_scores(numbers.by_score(), scope, threshold=workspace.revision_below)),
            ("cost", drawing.draw_cost(by_day, scope) if by_day else None),
        ],
        "jobs": [describe_job(job) for job in newest],
        "attention": list_attention(scope, flagged_since),
        "steps": steps if not all(step.done for step in steps) else [],
    }


def describe_job(job: BatchJob) -> dict[str, Any]:
    ended = job.completed_items + job.failed_items
    status = JobStatus(job.status)
    words = state_word(status, in_flight=job.in_flight, failed=job.failed_items)
    return {
        "job": job,
        "words": words[:1].upper() + words[1:],
        "ended": ended,
        "percent": round(100 * ended / max(1, job.total_items)),
    }


def list_attention(scope: Scope, flagged_since: int) -> list[Attention]:
    """What waits for somebody beside the review, each with the page where to deal with it; nothing that is zero.

    `flagged_since`: how many conversations were flagged after their decision.
    """
    batches, conversations = reverse("batches"), reverse("conversations")
    jobs = BatchJob.objects.filter(workspace__in=scope.workspaces).listed()
    stopped, failed = jobs.aggregate(
        stopped=Count("pk", filter=Q(status__in=RESUMABLE)),
        failed=Sum("failed_items", filter=Q(status=JobStatus.COMPLETED), default=0),
    ).values()
    found = [
        Attention(
            stopped,
            "stopped batch can be resumed",
            "stopped batches can be resumed",
            f"{batches}?status=paused",
        ),
        Attention(
            failed,
            "item failed in a finished batch and can be tried again",
            "items failed in finished batches and can be tried again",
            batches,
        ),
        Attention(
            flagged_since,
            "conversation was flagged after its decision",
            "conversations were flagged after their decision",
            f"{conversations}?flagged_since=on",
        ),
    ]
    return [each for each in found if each.number]


def list_steps(scope: Scope) -> tuple[list[Step], int]:
    """The way from an empty installation to a file, with what was done already, and beside it in the same query how many
    conversations were flagged after their decision. Demo mode needs no key.
    """
    within = {"workspace__in": scope.workspaces}
    made = Conversation.objects.filter(**within)
    flagged_since = made.heads().flagged_since_decision().order_by()
    asked: dict[str, Any] = {
        # Func, because Count would group the rows, and give none where there is nothing to count.
        "flagged_since": Subquery(
            flagged_since.values(n=Func("pk", function="COUNT", output_field=IntegerField()))
        ),
        "one": Exists(made),
        "batch": Exists(BatchJob.objects.filter(**within, status=JobStatus.COMPLETED).listed()),
        "decided": Exists(DailyDecisions.objects.filter(**within)),
        "exported": Exists(Export.objects.filter(**within)),
    }
    done: Any = User.objects.filter(pk=scope.user.pk).values(**asked).get()
    steps = [
        Step("Add an API key, or stay in demo mode", not settings.DEMO or done["one"], reverse("settings")),
        Step("Generate one conversation", done["one"], reverse("generate_one")),
        Step("Run a batch", done["batch"], reverse("generate_all")),
        Step("Review what came back", done["decided"], reverse("review")),
        Step("Export what you approved", done["exported"], reverse("exports")),
    ]
    return steps, done["flagged_since"]
