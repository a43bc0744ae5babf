"""Decide about more conversations than fit into a request: in steps, each as `conversations.bulk` does it.

Which ones are meant is settled at the start, with the revision of each: what somebody changes before its step comes is left out
and counted as skipped.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from background.actions import start_job
from background.kinds import End, count
from background.models import BackgroundJob
from background.running import RunningJob
from conversations.bulk import BulkResult, TooMany, decide_chosen, decide_matching
from conversations.models import Conversation, ConversationQuerySet
from conversations.states import BulkAction, ReasonCode
from lib.amounts import count_words
from lib.count_changed import CountChanged
from workspaces.models import RequestKey, User, Workspace

BULK = "bulk"
MOST_IN_REQUEST = 500  # conversations; more go to a job
MOST_IN_JOB = 100_000
AT_ONCE = 200  # conversations in a step
MOST_NAMED = 20  # skipped ones that the result names
VERBS = {
    BulkAction.APPROVE: "Approve",
    BulkAction.REJECT: "Reject",
    BulkAction.NEEDS_REVISION: "Send back",
    BulkAction.ARCHIVE: "Archive",
    BulkAction.RESTORE: "Restore",
    BulkAction.DELETE: "Delete",
}


class SeveralWorkspaces(ValueError):
    """A job belongs to one workspace."""

    def __init__(self) -> None:
        super().__init__(
            f"More than {MOST_IN_REQUEST:,} conversations must be of one workspace. Decide about those of one at a time."
        )


def decide_about_chosen(
    rows: ConversationQuerySet,
    ids: Iterable[UUID],
    action: BulkAction,
    *,
    by: User | None,
    note: str = "",
    reasons: Sequence[ReasonCode] = (),
    revisions: Mapping[UUID, int] | None = None,
    sent: RequestKey | None = None,
) -> BulkResult | BackgroundJob:
    """As `decide_chosen`, at once for up to 500 conversations, else by a job, which is returned. `sent` is for the job alone.

    Raises TooMany, SeveralWorkspaces, and PermissionDenied for a person who decides nothing in that workspace.
    """
    wanted = list(dict.fromkeys(ids))
    if len(wanted) <= MOST_IN_REQUEST:
        return decide_chosen(rows, wanted, action, by=by, note=note, reasons=reasons, revisions=revisions)
    return _start(
        rows.filter(pk__in=wanted),
        action,
        by=by,
        note=note,
        reasons=reasons,
        revisions=revisions or {},
        sent=sent,
    )


def decide_about_matching(
    rows: ConversationQuerySet,
    count: int,
    action: BulkAction,
    *,
    by: User | None,
    note: str = "",
    reasons: Sequence[ReasonCode] = (),
    sent: RequestKey | None = None,
) -> BulkResult | BackgroundJob:
    """As `decide_matching`, at once for up to 500 conversations, else by a job, which is returned.

    Raises CountChanged when the filter finds another number than the person confirmed, and what `decide_about_chosen` raises.
    """
    if count <= MOST_IN_REQUEST:
        return decide_matching(rows, count, action, by=by, note=note, reasons=reasons)
    return _start(rows, action, by=by, note=note, reasons=reasons, revisions={}, count=count, sent=sent)


def _start(
    rows: ConversationQuerySet,
    action: BulkAction,
    *,
    by: User | None,
    note: str,
    reasons: Sequence[ReasonCode],
    revisions: Mapping[UUID, int],
    sent: RequestKey | None,
    count: int | None = None,
) -> BulkResult | BackgroundJob:
    found = list(rows.order_by("pk").values_list("pk", "revision", "workspace")[: MOST_IN_JOB + 1])
    if len(found) > MOST_IN_JOB:
        raise TooMany(MOST_IN_JOB)
    if count is not None and len(found) != count:
        raise CountChanged(len(found))
    if len({workspace for *_, workspace in found}) > 1:
        raise SeveralWorkspaces
    if not found:
        return BulkResult(0, [])
    workspace = Workspace.objects.get(pk=found[0][2])
    return start_job(
        BULK,
        workspace=workspace,
        by=by,
        name=f"{VERBS[action]} {len(found):,} conversations",
        parameters={
            "action": action.value,
            "note": note,
            "reasons": [reason.value for reason in reasons],
            "chosen": [[str(key), revisions.get(key, revision)] for key, revision, _ in found],
        },
        total=len(found),
        sent=sent,
    )


def run(job: RunningJob) -> None:
    chosen = [(UUID(key), revision) for key, revision in job.parameters["chosen"]]
    action = BulkAction(job.parameters["action"])
    reasons = [ReasonCode(word) for word in job.parameters["reasons"]]
    rows = Conversation.objects.filter(workspace=job.workspace)
    for begin in range(job.place.get("next", 0), len(chosen), AT_ONCE):
        some = dict(chosen[begin : begin + AT_ONCE])
        with job.step() as step:
            found = decide_chosen(
                rows, some, action, by=job.by, note=job.parameters["note"], reasons=reasons, revisions=some
            )
            step.done, step.place = len(some), {"next": begin + AT_ONCE}
            step.result = {"changed": found.changed, "skipped": len(found.skipped)}
            named = job.row.result.get("reasons", [])
            if found.skipped and len(named) < MOST_NAMED:
                more = [{"id": str(each.id), "error": each.error} for each in found.skipped]
                step.result["reasons"] = [*named, *more][:MOST_NAMED]


def describe(result: Mapping[str, Any], done: int) -> End:
    changed, skipped = count(result, "changed"), count(result, "skipped")
    left_out = f", {skipped:,} skipped" if skipped else ""
    return End(f"Finished: {count_words(changed, 'conversation')} changed{left_out}.", changed, skipped)
