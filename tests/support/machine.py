"""A Hypothesis state machine: the engine's steps in any order, with crashes at any statement, and what must hold after each.

Two batches of one workspace, three items each, two workers. Everything happens in one transaction of the test: an
example is rolled back to its savepoint, so that thousands of steps cost seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from django.db import OperationalError, connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batches.actions.controls import BudgetTooLow, change, retry_failed
from batches.actions.jobs import cancel, pause, resume, sweep_cancelled
from batches.engine.calls import prepare_item
from batches.engine.claim import Claim, claim
from batches.engine.file import Paid, file, read_reply
from batches.engine.reap import reap
from batches.engine.retry import break_off, handle_error, release, withdraw
from batches.engine.stored_replies import use_stored_reply
from batches.models import (
    BatchItem,
    BatchJob,
    GenerationLog,
    ProviderPool,
    RateLimit,
    SpendingMonth,
    Worker,
)
from batches.models.limits import LONG_AGO
from batches.models.states import ItemStatus, LogState
from claude.errors import Blocked, Busy, ClaudeError, Declined, Unusable
from lib.stale_state import StaleState
from tests.support.crashes import ProcessDied, fail_at_statement, make_connection_lost
from tests.support.quick_rules import broken_rules
from tests.support.replies import make_reply
from workspaces.models import User, Workspace

REPLIES: dict[str, Callable[[], Any]] = {
    "draft": make_reply,
    "unusable": lambda: make_reply(text="I would rather not write JSON today."),
    "cut": lambda: make_reply(stop_reason="max_tokens"),
    "declined": lambda: make_reply(stop_reason="refusal"),
}
ERRORS: dict[str, Callable[[], ClaudeError]] = {
    "rate limited": lambda: Busy("429", kind="rate_limited", costs_attempt=False, retry_after=5),
    "overloaded": lambda: Busy("529", kind="overloaded", costs_attempt=False),
    "server error": lambda: Busy("500", kind="server_error", costs_attempt=True),
    "reset": lambda: Busy("reset", kind="connection", costs_attempt=True, maybe_billed=True),
    "refused key": lambda: Blocked("401", kind="provider_auth"),
    "no credit": lambda: Blocked("402", kind="provider_billing"),
    "bad request": lambda: Declined("400", kind="invalid_request"),
    "no message": lambda: Unusable("no message", kind="unreadable", body=b"<html>"),
}
CRASHES = st.one_of(
    st.none(),
    st.none(),
    st.tuples(st.sampled_from(["dies", "breaks off"]), st.integers(0, 14)),
    st.just(("in doubt", 0)),
)
Crash = tuple[str, int] | None
WHICH = st.integers(0, 11)
GONE = object()


@dataclass(frozen=True)
class World:
    """What each example begins with. It is made once."""

    owner: User
    jobs: list[BatchJob]
    workers: list[Worker]


class Machine(RuleBasedStateMachine):
    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Claim] = []
        self.filed: dict[Any, Decimal] = {}
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    # --- how a move is made ---------------------------------------------------------------------------

    def make(self, move: Callable[[], Any], crash: Crash) -> Any:
        """Makes the move, with the crash if there is one: GONE when the process died; after a lost connection it is repeated."""
        if crash is None:
            return move()
        kind, number = crash
        if kind == "in doubt":  # committed, and nobody was told
            move()
            return move()
        try:
            with fail_at_statement(number, ProcessDied if kind == "dies" else make_connection_lost):
                return move()
        except ProcessDied:
            return GONE
        except OperationalError:
            return move()

    def job(self, which: int) -> BatchJob:
        return BatchJob.objects.get(pk=self.world.jobs[which % 2].pk)

    # --- the engine -----------------------------------------------------------------------------------

    @rule(which=WHICH, worker=st.integers(0, 1), crash=CRASHES)
    def claims(self, which: int, worker: int, crash: Crash) -> None:
        item = self.world.jobs[which % 2].items.get(position=which // 2 % 3 + 1)
        call = prepare_item(item.pk)
        if call is None:
            return
        worker_id = self.world.workers[worker].pk
        found: Any = None
        if crash is None:
            found = claim(call, worker_id=worker_id)
        elif crash[0] == "in doubt":
            claim(call, worker_id=worker_id)
            withdraw(call)
        else:
            try:
                with fail_at_statement(crash[1], ProcessDied if crash[0] == "dies" else make_connection_lost):
                    found = claim(call, worker_id=worker_id)
            except ProcessDied:
                return
            except OperationalError:
                withdraw(call)
        if found is not None:
            self.check_claim(found)
            self.calls.append(found)

    def check_claim(self, claimed: Claim) -> None:
        job = BatchJob.objects.get(pk=claimed.call.job_id)
        assert job.status == "processing"
        assert job.in_flight <= job.concurrent_processing
        assert job.spent + job.reserved <= job.budget_usd
        limit = Workspace.objects.get(pk=job.workspace_id).monthly_budget_usd
        month = SpendingMonth.objects.filter(workspace=job.workspace_id).order_by("-month").first()
        assert month is not None
        assert limit is None or month.spent + month.reserved <= limit
        last = [each for each in self.calls if each.call.item_id == claimed.call.item_id]
        assert claimed.token not in {each.token for each in last}

    @precondition(lambda self: self.calls)
    @rule(which=WHICH, reply=st.sampled_from(sorted(REPLIES)), crash=CRASHES)
    def replies(self, which: int, reply: str, crash: Crash) -> None:
        claimed = self.calls.pop(which % len(self.calls))
        call = claimed.call
        paid: Paid = read_reply(call, REPLIES[reply]())
        if self.make(lambda: file(claimed, paid), crash) is not GONE:
            self.filed[call.log_id] = paid.cost

    @precondition(lambda self: self.calls)
    @rule(which=WHICH, error=st.sampled_from(sorted(ERRORS)), crash=CRASHES)
    def fails(self, which: int, error: str, crash: Crash) -> None:
        claimed = self.calls.pop(which % len(self.calls))
        self.make(lambda: handle_error(claimed, ERRORS[error]()), crash)

    @precondition(lambda self: self.calls)
    @rule(which=WHICH, crash=CRASHES)
    def gives_back(self, which: int, crash: Crash) -> None:
        claimed = self.calls.pop(which % len(self.calls))
        self.make(lambda: release(claimed), crash)

    @precondition(lambda self: self.calls)
    @rule(which=WHICH, crash=CRASHES)
    def has_a_defect(self, which: int, crash: Crash) -> None:
        claimed = self.calls.pop(which % len(self.calls))
        self.make(lambda: break_off(claimed, ValueError("ours")), crash)

    @rule(worker=st.integers(0, 1), dies=st.booleans(), crash=CRASHES)
    def is_taken_for_dead(self, worker: int, dies: bool, crash: Crash) -> None:
        """Killed: its replies never come. Frozen: they come late."""
        row = self.world.workers[worker]
        Worker.objects.filter(pk=row.pk).update(heartbeat_at=LONG_AGO)
        if dies:
            lost = set(GenerationLog.objects.filter(worker=row).values_list("pk", flat=True))
            self.calls = [each for each in self.calls if each.call.log_id not in lost]
        self.make(reap, crash)
        reap()
        assert not GenerationLog.objects.filter(worker=row, state=LogState.PENDING).exists()
        Worker.objects.filter(pk=row.pk).update(heartbeat_at="2100-01-01T00:00:00Z")

    @rule(crash=CRASHES)
    def time_is_up(self, crash: Crash) -> None:
        GenerationLog.objects.filter(state=LogState.PENDING).update(deadline=LONG_AGO)
        self.make(reap, crash)
        reap()

    @rule()
    def time_passes(self) -> None:
        BatchItem.objects.filter(status=ItemStatus.QUEUED).update(run_after=None)
        RateLimit.objects.update(blocked_until=LONG_AGO, tat=LONG_AGO)
        ProviderPool.objects.update(opened_for_s=0, probe_id=None, slowed_to=1, waiting_since=None)

    @rule()
    def a_month_passes(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE generation_logs SET created_at = created_at - interval '1 month'")
            for month in SpendingMonth.objects.order_by("month").values_list("pk", flat=True):
                cursor.execute(
                    "UPDATE spending_months SET month = month - interval '1 month' WHERE id = %s", [month]
                )

    # --- people ---------------------------------------------------------------------------------------

    def press(self, verb: Callable[[], object], crash: Crash) -> None:
        try:
            self.make(verb, crash)
        except (StaleState, BudgetTooLow):
            return
        sweep_cancelled()  # the dispatcher, where a cancel died half-way

    @rule(which=WHICH, crash=CRASHES)
    def pauses(self, which: int, crash: Crash) -> None:
        job = self.job(which)
        self.press(lambda: pause(job, by=None), crash)

    @rule(which=WHICH, crash=CRASHES)
    def resumes(self, which: int, crash: Crash) -> None:
        job = self.job(which)
        self.press(lambda: resume(job, by=None), crash)

    @precondition(lambda self: len(self.filed) > 2)
    @rule(which=WHICH, crash=CRASHES)
    def cancels(self, which: int, crash: Crash) -> None:
        job = self.job(which)
        self.press(lambda: cancel(job, by=None), crash)

    @rule(which=WHICH, crash=CRASHES)
    def retries(self, which: int, crash: Crash) -> None:
        job = self.job(which)
        self.press(lambda: retry_failed(job, by=None), crash)

    @rule(which=WHICH, concurrency=st.integers(1, 3), calls=st.integers(1, 9), crash=CRASHES)
    def changes(self, which: int, concurrency: int, calls: int, crash: Crash) -> None:
        job = self.job(which)
        budget = job.worst_item_usd * calls
        self.press(lambda: change(job, by=None, concurrency=concurrency, budget_usd=budget), crash)

    @rule(calls=st.one_of(st.none(), st.integers(1, 9)))
    def sets_the_months_budget(self, calls: int | None) -> None:
        worst = self.world.jobs[0].worst_item_usd
        limit = None if calls is None else worst * calls
        Workspace.objects.filter(pk=self.world.jobs[0].workspace_id).update(monthly_budget_usd=limit)

    @rule(which=WHICH, crash=CRASHES)
    def uses_what_is_kept(self, which: int, crash: Crash) -> None:
        item = self.world.jobs[which % 2].items.get(position=which // 2 % 3 + 1)
        self.make(lambda: use_stored_reply(item), crash)

    # --- what must hold -------------------------------------------------------------------------------

    @invariant()
    def the_rules_hold(self) -> None:
        broken = broken_rules()
        assert not broken, broken
        connection.check_constraints()

    @invariant()
    def what_was_paid_is_kept(self) -> None:
        """A filed reply is booked at its price and its body is there, whatever has happened since."""
        rows = GenerationLog.objects.filter(pk__in=list(self.filed), response_body__isnull=False)
        assert dict(rows.values_list("pk", "cost_usd")) == self.filed
