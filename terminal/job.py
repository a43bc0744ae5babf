"""One run of `./run generate`: plan or resume a job, show the estimate, ask, watch, export, and report the result."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from batches.actions.controls import change, retry_failed
from batches.actions.jobs import change_budget, check_settings, resume, start_batch
from batches.models import BatchJob
from batches.models.month_so_far import limit_by_month, this_month
from batches.models.states import CHANGEABLE, RUNNING, JobStatus
from batches.planning.estimate.estimate import Estimate, estimate_now
from batches.planning.plan import PlanError, PlannedItem, find_starter_items
from batches.planning.sources.csv_file import csv_plan
from batches.reports.progress import Progress
from batches.reports.reason_texts import REASONS
from exports.formats import ExportError
from exports.unreviewed.files import Exported, build_job_file_name, export_job
from exports.unreviewed.target import CannotWrite, check_target
from lib.row_problems import RowProblem
from stack.process_group import Signals
from templates_app.states import Tier
from terminal.report import (
    EXPORTED,
    FAILED,
    INTERRUPTED,
    build_answer,
    choose_exit_code,
    list_errors,
    make_resume_command,
)
from terminal.screen import Screen, format_duration, format_money
from terminal.watch import DatabaseGone, Left, watch
from workspaces.models import User

DEMO_NOTICE = (
    "SIMULATED: no ANTHROPIC_API_KEY is set, so nothing is sent to Anthropic and nothing is charged. "
    "One conversation in eight is flawed on purpose, for the review."
)
# A stand-in for the name of the default file, when only its folder has to be checked.
SOME_NAME = "lorapipe.jsonl"


class Declined(Exception):
    """The question was answered with no."""


class Start(NamedTuple):
    """A plan that is ready to start, with its estimate."""

    plan: list[PlannedItem]
    priced: Estimate
    budget: Decimal
    name: str


class TerminalJob:
    """Runs the job that the options describe. The command turns its errors into exit codes."""

    def __init__(self, options: Mapping[str, Any], *, owner: User, screen: Screen) -> None:
        self.options, self.owner, self.screen = options, owner, screen
        self.concurrency: int = options["concurrency"] or settings.ENVIRONMENT.max_concurrency

    def run(self) -> int:
        """Run the job. Returns the exit code. Raises PlanError, StaleState or CannotWrite before anything is stored."""
        if self.options["out"] is None:
            check_target(Path(SOME_NAME))
        begin = (
            self._prepare_resume(self.options["resume"]) if self.options["resume"] else self._prepare_start()
        )
        signals = Signals()
        with signals.caught() as wakeup:
            job = begin()
            return self._finish(job, signals=signals, wakeup=wakeup)

    # --- begin -------------------------------------------------------------------------------------

    def _prepare_start(self) -> Callable[[], BatchJob]:
        """Plan, estimate and ask. Returns the function that starts the job."""
        prepared = self._prepare()
        self._show_estimate(prepared)
        most = limit_by_month(prepared.budget, this_month(self.owner.personal_workspace()))
        self._ask(f"Start, spend up to {format_money(most)}?")
        return lambda: self._start(prepared)

    def _prepare(self) -> Start:
        plan = self._plan()
        priced = estimate_now(plan, concurrency=self.concurrency, budget_usd=self.options["budget"])
        budget = self.options["budget"] or priced.default_budget
        check_settings(self.concurrency, budget, worst=priced.worst_item)
        return Start(plan, priced, budget, self.options["name"] or self._suggest_name(plan))

    def _plan(self) -> list[PlannedItem]:
        chosen, workspace = self.options, self.owner.personal_workspace()
        if chosen["csv"] is None:
            found = find_starter_items(
                workspace, tiers=chosen["tier"], limit=chosen["limit"], seed=chosen["seed"]
            )
            for each in found.left_out:
                self.screen.say(f"Left out: {each.describe()}")
            return found.items
        notes: list[str] = []
        plan = csv_plan(
            workspace,
            chosen["csv"],
            default_tier=(chosen["tier"] or [Tier.TEMPLATE.value])[0],
            template=chosen["template"],
            limit=chosen["limit"],
            seed=chosen["seed"],
            sheet=chosen["sheet"] or "",
            notes=notes,
        )
        for note in notes:
            self.screen.say(f"Note      {note}")
        return plan

    def _suggest_name(self, plan: list[PlannedItem]) -> str:
        source = self.options["csv"].name if self.options["csv"] else "Starter plan"
        return f"{source}, {_count_conversations(len(plan))}"

    def _start(self, prepared: Start) -> BatchJob:
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

    def _prepare_resume(self, job_id: UUID) -> Callable[[], BatchJob]:
        """Show what is left and ask. Returns the function that resumes the job."""
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
        spent = f"{format_money(job.spent)} of {format_money(budget)} are spent"
        self.screen.say(f"{job.name}: {left} of {job.total_items} are left, {spent}.")
        self._say_if_demo()
        self._ask(f"Go on, spend up to {format_money(max(Decimal(0), budget - job.spent))} more?")
        return lambda: self._resume(job)

    def _resume(self, job: BatchJob) -> BatchJob:
        if self.options["concurrency"] is not None and job.status in CHANGEABLE:
            change(job, by=self.owner, concurrency=self.options["concurrency"])
        if self.options["retry_failed"] and job.failed_items:
            retry_failed(job, by=self.owner, budget_usd=self.options["budget"])
            return job
        if self.options["budget"] is not None:
            change_budget(job, budget_usd=self.options["budget"], by=self.owner)
        return resume(job, by=self.owner)

    # --- messages ----------------------------------------------------------------------------------

    def _show_estimate(self, prepared: Start) -> None:
        priced = prepared.priced
        tiers = ", ".join(
            f"{count} {tier}"
            for tier in Tier.values
            if (count := sum(item.tier == tier for item in prepared.plan))
        )
        self.screen.say(f"{_count_conversations(priced.items)}: {tiers}")
        self.screen.say(f"Model     {priced.model}, answered by: {settings.ENVIRONMENT.provider_label}")
        cost = f"{format_money(priced.cost)} ({format_money(priced.cost_low)} to {format_money(priced.cost_high)})"
        self.screen.say(
            f"Estimate  {cost}, {format_duration(priced.seconds)} with {priced.concurrency} at once and at most {priced.requests_per_minute:,} requests a minute"
        )
        for note in priced.notes:
            self.screen.say(f"Note      {note}")
        self.screen.say(f"Budget    {format_money(prepared.budget)}, which is never passed")
        self._say_if_demo()

    def _say_if_demo(self) -> None:
        if settings.DEMO:
            self.screen.say(DEMO_NOTICE)

    def _ask(self, question: str) -> None:
        """Ask before real money is spent, but only at a terminal: a script cannot answer. Raises Declined."""
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
        code = choose_exit_code(now, interrupted=signals.count > 0)
        try:
            exported = self._export(job) if now.status in EXPORTED else None
        except (CannotWrite, ExportError) as error:
            self.screen.complain(f"Everything is stored, but the file could not be written. {error}")
            return self._leave(job, FAILED)
        self._summarize(job, now, exported)
        self.screen.result(build_answer(job, now, exported, code=code))
        return code

    def _leave(self, job: BatchJob, code: int) -> int:
        """Stop watching the job, and tell how to resume it."""
        self.screen.complain(f"Continue with:  {make_resume_command(job)}")
        self.screen.result({"job_id": str(job.pk), "exit_code": code, "resume": make_resume_command(job)})
        return code

    def _export(self, job: BatchJob) -> Exported:
        return export_job(job, self._target(job), system=not self.options["no_system"])

    def _target(self, job: BatchJob) -> Path:
        return self.options["out"] or Path(build_job_file_name(job))

    def _summarize(self, job: BatchJob, now: Progress, exported: Exported | None) -> None:
        took = f" in {format_duration(now.elapsed_s)}" if now.elapsed_s is not None else ""
        weak = now.completed - now.successful
        needs = f", {weak} of them need revision" if weak else ""
        self.screen.say(
            f"{now.completed} of {now.total} completed{needs}, {now.failed} failed{took}, cost {format_money(now.spent)}"
        )
        for words in list_errors(job) if now.failed else ():
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
        self.screen.complain(f"Continue with:  {make_resume_command(job)}")


def _count_conversations(count: int) -> str:
    return f"{count:,} conversation{'' if count == 1 else 's'}"
