"""The actions of batches, each ready to be done once: what it needs beforehand, and what the audit log must tell."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from batches.actions import (
    call_stops,
    controls,
    drafts,
    filling,
    jobs,
    judging,
    notices,
    regenerate,
    single,
    starting,
)
from batches.engine.retry import handle_error
from batches.engine.worker_registry import register
from batches.models import BatchJob
from batches.models.states import ErrorHandling, ItemStatus, JobStatus, Priority
from batches.planning.judging import plan_judging
from batches.planning.sources.regenerated import plan_again
from claude.errors import Busy
from conversations.judging.rubric import find_rubric
from lorapipe.queues import Queue
from templates_app.states import Tier
from tests import factories
from tests.guards.audited_case import PLANTED, Act, Case, Stage
from tests.support.steps import claim_item, file_reply
from workspaces.models import RequestKey
from workspaces.states import Action, TargetKind


def batch(name: str, ready: Callable[[Stage], Act], action: Action, *, takes_system: bool = True) -> Case:
    return Case(f"batches.actions.{name}", ready, action, TargetKind.BATCH, takes_system)


# --- batches -------------------------------------------------------------------------------------------


def start(stage: Stage) -> Act:
    plan, home = stage.plan(), stage.home
    return lambda by: jobs.start_batch(workspace=home, plan=plan, by=by, name="Rent")  # type: ignore[arg-type]


def start_single(stage: Stage) -> Act:
    version = stage.template.versions.get()
    plan = single.plan_one(version, {"topic": PLANTED, "persona": "Nurse"}, tier=Tier.TEMPLATE)
    object.__setattr__(plan[0], "topic", "")  # the name of such a batch is its topic, which is no secret
    return lambda by: single.start_one(plan, by=by)  # type: ignore[arg-type]


def move(verb: Callable[..., BatchJob], status: JobStatus) -> Callable[[Stage], Act]:
    def ready(stage: Stage) -> Act:
        job = stage.started(status)
        return lambda by: verb(job, by=by)

    return ready


def change_budget(stage: Stage) -> Act:
    job = stage.started(JobStatus.PAUSED)
    return lambda by: jobs.change_budget(job, budget_usd=Decimal(77), by=by)


def change(stage: Stage) -> Act:
    job = stage.started()
    return lambda by: controls.change(job, by=by, concurrency=3, priority=Priority.HIGH)


def retry(stage: Stage) -> Act:
    job = factories.make_job(
        workspace=stage.home, by=stage.owner, status=JobStatus.FAILED, total_items=1, failed_items=1
    )
    factories.make_item(
        job=job, status=ItemStatus.FAILED, error_kind="internal", error_message=PLANTED, topic=PLANTED
    )
    return lambda by: controls.retry_failed(
        job, by=by, budget_usd=Decimal(50), key=RequestKey(key="once") if by else None
    )


def use_reply(stage: Stage) -> Act:
    job = stage.started()
    claimed = claim_item(job, register(queues=[Queue.GENERATION], slots=8))
    handle_error(claimed, Busy("broke off", kind="connection", costs_attempt=True, maybe_billed=True))
    jobs.cancel(job, by=stage.owner)
    file_reply(claimed)
    item = job.items.get(position=1)
    return lambda by: controls.use_reply(item, by=by)


def save_draft(stage: Stage) -> Act:
    home, plan, recipe = stage.home, stage.plan(), stage.recipe
    return lambda by: drafts.save_draft(workspace=home, plan=plan, by=by, name="Rent", recipe=recipe)  # type: ignore[arg-type]


def on_draft(verb: Callable[..., Any], **given: Any) -> Callable[[Stage], Act]:
    def ready(stage: Stage) -> Act:
        job = stage.draft()
        return lambda by: verb(job, revision=1, by=by, **given)

    return ready


def on_first_item(verb: Callable[..., Any], name: str, **given: Any) -> Callable[[Stage], Act]:
    def ready(stage: Stage) -> Act:
        job = stage.draft()
        key = job.items.get(position=1).pk
        chosen = {name: [key] if name == "ids" else key}
        return lambda by: verb(job, revision=1, by=by, **chosen, **given)

    return ready


def replace_plan(stage: Stage) -> Act:
    job, plan, recipe = stage.draft(), stage.plan()[:2], stage.recipe
    return lambda by: drafts.replace_plan(job, revision=1, plan=plan, recipe=recipe, by=by)


def append(stage: Stage) -> Act:
    job, more = stage.draft(), stage.plan()[:2]
    return lambda by: drafts.append(job, revision=1, items=more, by=by)


def fill_gaps(stage: Stage) -> Act:
    job = stage.draft()
    key = job.items.get(position=1).pk
    drafts.remove_items(job, revision=1, ids=[key], by=stage.owner)
    return lambda by: filling.fill_gaps(job, pair=("persona", "emotion"), revision=2, by=by)


def start_draft(stage: Stage) -> Act:
    job = stage.draft()
    chosen: dict[str, Any] = {
        "revision": 1,
        "name": "Rent",
        "concurrency": 5,
        "budget_usd": Decimal("9.5"),
        "judge_budget_usd": Decimal("1.25"),
        "error_handling": ErrorHandling.CONTINUE,
        "priority": Priority.NORMAL,
    }
    return lambda by: starting.start_draft(job, by=by, **chosen)  # type: ignore[arg-type]


def discard(stage: Stage) -> Act:
    job = stage.draft()
    return lambda by: drafts.discard(job, by=by)


def webhook(*, before: str, after: str, renew: bool = False) -> Callable[[Stage], Act]:
    def ready(stage: Stage) -> Act:
        home = stage.home
        if before:
            notices.change_webhook(workspace=home, url=before, by=stage.owner)
        return lambda by: notices.change_webhook(workspace=home, url=after, by=by, renew=renew)

    return ready


def judge(stage: Stage) -> Act:
    talk = factories.make_conversation(workspace=stage.home, turns=[PLANTED, PLANTED])
    plan = plan_judging(stage.home, find_rubric(stage.home), [talk])
    return lambda by: judging.start_judging(plan, by=by)


def order_judge(stage: Stage) -> Act:
    job = stage.started()
    return lambda by: judging.order_judge(job, budget_usd=Decimal(2), by=by)


def regenerate_anew(verb: Callable[..., Any]) -> Callable[[Stage], Act]:
    def ready(stage: Stage) -> Act:
        version = stage.template.versions.get()
        made = factories.make_conversation(
            by=stage.owner, template_version=version, parameters={"topic": PLANTED, "persona": "Nurse"}
        )
        plan = plan_again([made], instruction=PLANTED)
        return lambda by: verb(plan, by=by)

    return ready


def allow_calls(stage: Stage) -> Act:
    call_stops.stop_calls(by=stage.owner)
    return lambda by: call_stops.allow_calls(by=by)


ONE, OTHER = f"https://one.example/{PLANTED}", f"https://two.example/{PLANTED}"
EDITED = {"parameters": {"topic": PLANTED, "persona": "Nurse"}, "topic": PLANTED}

BATCHES = [
    Case(
        "batches.actions.call_stops.stop_calls",
        lambda _: lambda by: call_stops.stop_calls(reason="the bill", by=by),
        Action.STOP_CALLS,
        TargetKind.INSTALLATION,
    ),
    Case("batches.actions.call_stops.allow_calls", allow_calls, Action.ALLOW_CALLS, TargetKind.INSTALLATION),
    batch("jobs.start_batch", start, Action.START),
    batch("single.start_one", start_single, Action.START),
    batch("regenerate.regenerate_one", regenerate_anew(regenerate.regenerate_one), Action.START),
    batch("judging.start_judging", judge, Action.START),
    batch("judging.order_judge", order_judge, Action.CHANGE),
    batch("regenerate.regenerate_many", regenerate_anew(regenerate.regenerate_many), Action.START),
    batch("jobs.pause", move(jobs.pause, JobStatus.PROCESSING), Action.PAUSE),
    batch("jobs.resume", move(jobs.resume, JobStatus.PAUSED), Action.RESUME),
    batch("jobs.cancel", move(jobs.cancel, JobStatus.PROCESSING), Action.CANCEL),
    batch("jobs.change_budget", change_budget, Action.CHANGE_BUDGET),
    batch("controls.change", change, Action.CHANGE),
    batch("controls.retry_failed", retry, Action.RETRY),
    batch("controls.duplicate", move(controls.duplicate, JobStatus.COMPLETED), Action.DUPLICATE),
    batch("controls.use_reply", use_reply, Action.USE_REPLY),
    batch("drafts.save_draft", save_draft, Action.SAVE_DRAFT),
    batch("drafts.replace_plan", replace_plan, Action.REPLACE_PLAN),
    batch("drafts.remove_items", on_first_item(drafts.remove_items, "ids"), Action.REMOVE_ITEMS),
    batch("drafts.remove_repeats", on_draft(drafts.remove_repeats), Action.REMOVE_REPEATS),
    batch("drafts.move_item", on_first_item(drafts.move_item, "item_id", to=3), Action.MOVE_ITEM),
    batch("drafts.shuffle", on_draft(drafts.shuffle, seed=7), Action.SHUFFLE),
    batch("drafts.append", append, Action.ADD_ITEMS),
    batch("drafts.edit_item", on_first_item(drafts.edit_item, "item_id", fields=EDITED), Action.EDIT_ITEM),
    batch("drafts.discard", discard, Action.DISCARD),
    batch("filling.fill_gaps", fill_gaps, Action.ADD_ITEMS),
    batch("starting.start_draft", start_draft, Action.START),
    batch("starting.try_first", on_draft(starting.try_first), Action.TRY_FIRST),
    *(
        Case("batches.actions.notices.change_webhook", ready, action, TargetKind.WEBHOOK)
        for ready, action in (
            (webhook(before="", after=ONE), Action.CREATE),
            (webhook(before=ONE, after=OTHER), Action.CHANGE),
            (webhook(before=ONE, after=ONE, renew=True), Action.RENEW_SECRET),
            (webhook(before=ONE, after=""), Action.REMOVE),
        )
    ),
]
