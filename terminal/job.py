"""One run of `./run generate`: plan or resume, estimate, question, watch, export, answer."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from batches.actions.controls import change, retry_failed
from batches.actions.jobs import change_budget, check_settings, resume, start_batch
from batches.models import BatchJob
from batches.models.states import CHANGEABLE, RUNNING, JobStatus
from batches.planning.estimate.estimate import Estimate, estimate_now
from batches.planning.plan import PlanError, PlannedItem, starter_plan
from batches.planning.sources.csv_file import csv_plan
from batches.reports.progress import Progress
from batches.reports.reason_texts import REASONS
from exports.actions import Exported, export_job, job_file_name
from exports.formats import ExportError
from exports.target import CannotWrite, checked_target
from lib.row_problems import RowProblem
from stack.process_group import Signals
from templates_app.states import Tier
from terminal.report import EXPORTED, FAILED, INTERRUPTED, answer, errors, exit_code, resume_command
from terminal.screen import Screen, duration, money
from terminal.watch import DatabaseGone, Left, watch
from workspaces.models import User

DEMO_NOTICE = (
    "SIMULATED: no ANTHROPIC_API_KEY is set, so nothing is sent to Anthropic and nothing is charged."
)
# A name for the default file, where only the folder matters yet.
SOME_NAME = "lorapipe.jsonl"


class Declined(Exception):
    """The question was answered with no."""


class Start(NamedTuple):
    """A plan that may start, with its price."""

    plan: list[PlannedItem]
    priced: Estimate
    budget: Decimal
    name: str


class TerminalJob:
    """Options as `options.add_to` makes them. Each method raises what the command turns into an exit code."""

    def __init__(self, options: Mapping[str, Any], *, owner: User, screen: Screen) -> None:
        self.options, self.owner, self.screen = options, owner, screen
        self.concurrency: int = options["concurrency"] or settings.ENVIRONMENT.max_concurrency

    def run(self) -> int:
        """The exit code. Raises PlanError, StaleState or CannotWrite before anything is stored."""
        if self.options["out"] is None:
            checked_target(Path(SOME_NAME))
        go = self._resumption(self.options["resume"]) if self.options["resume"] else self._start()
        signals = Signals()
        with signals.caught() as wakeup:
            job = go()
            return self._finish(job, signals=signals, wakeup=wakeup)

    # --- begin -------------------------------------------------------------------------------------

    def _start(self) -> Callable[[], BatchJob]:
        """Everything up to the question; what it returns starts the job."""
        prepared = self._prepared()
        self._show_estimate(prepared)
        self._ask(f"Start, spend up to {money(prepared.budget)}?")
        return lambda: self._started(prepared)

    def _prepared(self) -> Start:
        plan = self._plan()
        priced = estimate_now(plan, concurrency=self.concurrency)
        budget = self.options["budget"] or priced.default_budget
        check_settings(self.concurrency, budget, worst=priced.worst_item)
        return Start(plan, priced, budget, self.options["name"] or self._offered_name(plan))

    def _plan(self) -> list[PlannedItem]:
        chosen, workspace = self.options, self.owner.personal_workspace()
        if chosen["csv"] is None:
            return starter_plan(workspace, tiers=chosen["tier"], limit=chosen["limit"], seed=chosen["seed"])
        return csv_plan(
            workspace,
            chosen["csv"].read_bytes(),
            default_tier=(chosen["tier"] or [Tier.TEMPLATE.value])[0],
            template=chosen["template"],
            limit=chosen["limit"],
            seed=chosen["seed"],
        )

    def _offered_name(self, plan: list[PlannedItem]) -> str:
        source = self.options["csv"].name if self.options["csv"] else "Starter plan"
        return f"{source}, {_conversations(len(plan))}"

    def _started(self, prepared: Start) -> BatchJob:
        tiers: list[str] = self.options["tier"] or []
        job = start_batch(
            workspace=self.owner.personal_workspace(),
            plan=prepared.plan,
            by=self.owner,
            name=prepared.name,
            concurrency=self.concurrency,
            budget_usd=prepared.budget,
            tier=tiers[0] if len(tiers) == 1 and not self.options["csv"] else "",
            seed=self.options["seed"],
        )
        self.screen.say(f"Job {job.pk}")
        return job

    def _resumption(self, job_id: UUID) -> Callable[[], BatchJob]:
        """Everything up to the question; what it returns goes on with the job."""
        job: BatchJob | None = BatchJob.objects.editable_by(self.owner).filter(pk=job_id).first()
        if job is None:
            raise PlanError(
                [RowProblem(None, "", f"--resume {job_id}: there is no such job in this database.")]
            )
        again = job.failed_items if self.options["retry_failed"] else 0
        if not again and (job.status == JobStatus.COMPLETED or job.status in RUNNING):
            self.screen.say(f"{job.name}: {job.status}, {job.ended_items} of {job.total_items} have ended.")
            return lambda: job
        budget = self.options["budget"] or job.budget_usd
        left = job.total_items - job.ended_items + again
        spent = f"{money(job.spent)} of {money(budget)} are spent"
        self.screen.say(f"{job.name}: {left} of {job.total_items} are left, {spent}.")
        self._say_if_demo()
        self._ask(f"Go on, spend up to {money(max(Decimal(0), budget - job.spent))} more?")
        return lambda: self._resumed(job)

    def _resumed(self, job: BatchJob) -> BatchJob:
        if self.options["concurrency"] is not None and job.status in CHANGEABLE:
            change(job, by=self.owner, concurrency=self.options["concurrency"])
        if self.options["retry_failed"] and job.failed_items:
            retry_failed(job, by=self.owner, budget_usd=self.options["budget"])
            return job
        if self.options["budget"] is not None:
            change_budget(job, budget_usd=self.options["budget"], by=self.owner)
        return resume(job, by=self.owner)

    # --- words -------------------------------------------------------------------------------------

    def _show_estimate(self, prepared: Start) -> None:
        priced = prepared.priced
        tiers = ", ".join(
            f"{count} {tier}"
            for tier in Tier.values
            if (count := sum(item.tier == tier for item in prepared.plan))
        )
        self.screen.say(f"{_conversations(priced.items)}: {tiers}")
        self.screen.say(f"Model     {priced.model}, answered by: {settings.ENVIRONMENT.provider_label}")
        cost = f"{money(priced.cost)} ({money(priced.cost_low)} to {money(priced.cost_high)})"
        self.screen.say(
            f"Estimate  {cost}, {duration(priced.seconds)} with {priced.concurrency} at once and at most {priced.requests_per_minute:,} requests a minute"
        )
        for note in priced.notes:
            self.screen.say(f"Note      {note}")
        self.screen.say(f"Budget    {money(prepared.budget)}, which is never passed")
        self._say_if_demo()

    def _say_if_demo(self) -> None:
        if settings.DEMO:
            self.screen.say(DEMO_NOTICE)

    def _ask(self, question: str) -> None:
        """Real money on a terminal asks; a script has decided by being written."""
        if settings.DEMO or self.options["yes"] or not self.screen.can_ask:
            return
        if not self.screen.ask(question):
            raise Declined

    # --- end ---------------------------------------------------------------------------------------

    def _finish(self, job: BatchJob, *, signals: Signals, wakeup: int) -> int:
        try:
            now = watch(job, by=self.owner, screen=self.screen, signals=signals, wakeup=wakeup)
        except Left:
            self.screen.complain("Left at once. The calls in flight are kept when they finish.")
            return self._leave(job, INTERRUPTED)
        except DatabaseGone as gone:
            self.screen.complain(f"The database is gone: {gone}")
            return self._leave(job, FAILED)
        job.refresh_from_db()
        code = exit_code(now, interrupted=signals.count > 0)
        try:
            exported = export_job(job, self._target(job)) if now.status in EXPORTED else None
        except (CannotWrite, ExportError) as error:
            self.screen.complain(f"Everything is stored, but the file could not be written. {error}")
            return self._leave(job, FAILED)
        self._summarize(job, now, exported)
        self.screen.result(answer(job, now, exported, code=code))
        return code

    def _leave(self, job: BatchJob, code: int) -> int:
        """Without a look at what has become of it."""
        self.screen.complain(f"Go on with:  {resume_command(job)}")
        self.screen.result({"job_id": str(job.pk), "exit_code": code, "resume": resume_command(job)})
        return code

    def _target(self, job: BatchJob) -> Path:
        return self.options["out"] or Path(job_file_name(job))

    def _summarize(self, job: BatchJob, now: Progress, exported: Exported | None) -> None:
        took = f" in {duration(now.elapsed_s)}" if now.elapsed_s is not None else ""
        weak = now.completed - now.successful
        needs = f", {weak} of them need revision" if weak else ""
        self.screen.say(
            f"{now.completed} of {now.total} completed{needs}, {now.failed} failed{took}, cost {money(now.spent)}"
        )
        for words in errors(job) if now.failed else ():
            self.screen.say(words)
        if exported:
            self.screen.say(
                f"{exported.path}  ({exported.written.count} conversations, sha256 {exported.written.sha256[:12]})"
            )
        if exported and (warning := exported.manifest.get("warning")):
            self.screen.say(warning)
        if now.status not in EXPORTED:
            self._say_what_to_do(job)

    def _say_what_to_do(self, job: BatchJob) -> None:
        title, advice = REASONS.get(job.reason, ("Stopped", ""))
        self.screen.complain(f"{title}. {advice}".strip())
        if job.reason_note:
            self.screen.complain(f"The provider said: {job.reason_note}")
        self.screen.complain(f"Go on with:  {resume_command(job)}")


def _conversations(count: int) -> str:
    return f"{count:,} conversation{'' if count == 1 else 's'}"
