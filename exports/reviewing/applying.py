"""Bring the decisions and edits of reviewers in: what they read must still be there, and each row is a transaction."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from background.actions import add_job
from background.models import BackgroundJob
from background.running import JobFailed, RunningJob
from conversations import versions
from conversations.models import Conversation
from conversations.states import REVIEWABLE, ReviewAction
from conversations.versions import LONGEST_TURN, EditError
from exports.models import ImportedFile
from exports.models.import_files import FileKind
from exports.reviewing.reading import ReviewFile, ReviewRow, read_reviews
from lib.row_problems import RowProblem, RowsError, limit_problems
from lib.stale_state import StaleState
from workspaces.audit import record
from workspaces.models import Membership, User, Workspace
from workspaces.states import Action, TargetKind

REVIEWS = "reviews"
CONFLICTS = "conflicts"  # in the result: how many rows were not applied
AT_ONCE = 25  # rows in a step
MOST_NAMED = 20  # rows that the job's result names
NO_EDITOR = "An edit takes an editor of the workspace, and you review there. Empty the edited turns, or ask an editor."
DECIDES = {
    ReviewAction.APPROVE: Conversation.approve,
    ReviewAction.REJECT: Conversation.reject,
    ReviewAction.NEEDS_REVISION: Conversation.send_back,
}


class Conflict(Exception):
    """A row is not applied; the message says why and what to do."""


# --- upload and start ------------------------------------------------------------------------------------


def upload_reviews(
    content: bytes, *, name: str, workspace: Workspace, by: User, sheet: str = ""
) -> ImportedFile:
    """Keep the file, with a report of what it would change. Raises RowsError when nothing can be read."""
    found = read_reviews(content, sheet=sheet)
    report = build_report(found, workspace=workspace.pk, by=by)
    return ImportedFile.store(
        content,
        kind=FileKind.REVIEWS,
        workspace=workspace,
        by=by,
        name=name or "reviews",
        sheet=sheet,
        report=report,
    )


@transaction.atomic
def start_reviews(file: ImportedFile, *, by: User | None) -> BackgroundJob:
    """Apply a file that waits, by a background job. Raises StaleState for one that is applied already.

    Raises PermissionDenied for a person who decides nothing in its workspace.
    """
    held = ImportedFile.objects.select_for_update(no_key=True).get(pk=file.pk)
    if held.job_id is not None:
        raise StaleState("file", verb="applied", status="applied already")
    count = int(held.report["read"])
    job = add_job(
        REVIEWS,
        workspace=held.workspace,
        by=by,
        name=f"Reviews from {held.name}",
        parameters={"file": str(held.pk)},
        total=count,
    )
    ImportedFile.objects.filter(pk=held.pk).update(job=job)
    record(action=Action.IMPORT, kind=TargetKind.IMPORT_FILE, target=held, by=by, after={"rows": count})
    file.job = job
    return job


def build_report(found: ReviewFile, *, workspace: UUID, by: User) -> dict[str, Any]:
    """Counts of what would be applied; the refused rows (`problems`) and the conflicts in groups, at most 20 of each."""
    heads = find_heads(found.rows, workspace)
    edits = may_edit(workspace, by)
    counts: Counter[str] = Counter()
    conflicts: list[RowProblem] = []
    for row in found.rows:
        try:
            check_row(row, heads.get(row.conversation_id), edits=edits)
        except Conflict as wrong:
            conflicts.append(RowProblem(row.number, "", str(wrong)))
            counts["conflicts"] += 1
        else:
            counts.update(list_changes(row))
    return {
        "read": len(found.rows),
        "untouched": found.untouched,
        "refused": len({each.row for each in found.problems}),
        "changes": counts,
        "problems": _describe(found.problems),
        "conflicts": _describe(conflicts),
        "notes": found.notes,
    }


def _describe(problems: Sequence[RowProblem]) -> list[dict[str, str]]:
    return [
        {"rows": each.rows_text, "column": each.column, "message": each.message}
        for each in limit_problems(problems)
    ]


def list_changes(row: ReviewRow) -> list[str]:
    """What a row does, by the names of the counts."""
    done = [row.decision.value] if row.decision else []
    return [*done, *(["edited"] if row.edits else []), *([] if row.decision or row.edits else ["noted"])]


# --- one row ---------------------------------------------------------------------------------------------


def find_heads(rows: Sequence[ReviewRow], workspace: UUID) -> dict[str, Conversation]:
    """The newest versions of the conversations that these rows name."""
    found = Conversation.objects.filter(
        workspace=workspace, is_head=True, conversation_id__in=[row.conversation_id for row in rows]
    )
    return {each.conversation_id: each for each in found.select_related("template_version")}


def may_edit(workspace: UUID, by: User | None) -> bool:
    return Membership.objects.of(by).filter(workspace=workspace, role__in=Membership.EDITORS).exists()


def check_row(row: ReviewRow, head: Conversation | None, *, edits: bool) -> Conversation:
    """The conversation that the row is about. Raises Conflict when it is not as the reviewer read it."""
    if head is None:
        raise Conflict("No conversation of this workspace has this id. Correct it, or remove the row.")
    if head.version != row.version:
        raise Conflict(
            "Another version is the newest now. Get the file for reviewers again, and decide about that one."
        )
    if head.revision != row.revision:
        raise Conflict("Somebody has decided about it or changed it since. Get the file for reviewers again.")
    if head.status not in REVIEWABLE:
        raise Conflict(f"It is {head.status.replace('_', ' ')}, so nobody can decide about it.")
    if row.edits and not edits:
        raise Conflict(NO_EDITOR)
    if row.edits and max(row.edits) > head.turn_count:
        raise Conflict(
            f"It has {head.turn_count} turns, and a later one is edited. Move the text to its turn."
        )
    if any(len(text) > LONGEST_TURN or not text.strip() for text in row.edits.values()):
        raise Conflict(
            f"An edited turn is blank or has more than {LONGEST_TURN:,} characters. Write a text, or empty the cell."
        )
    return head


def apply_row(row: ReviewRow, head: Conversation | None, *, by: User | None, edits: bool) -> None:
    """Edit first, then decide about the new version. Raises Conflict, and then nothing is changed."""
    found = check_row(row, head, edits=edits)
    try:
        with transaction.atomic():
            made = found
            if row.edits:
                made = versions.edit(found, row.edits, by=by, note=row.note, revision=row.revision)
            if row.decision:
                DECIDES[row.decision](
                    made, by=by, note=row.note, reasons=row.reasons, on_behalf_of=row.reviewer
                )
            elif row.note and not row.edits:
                made.write_notes(row.note, by=by)
    except (StaleState, EditError) as wrong:
        raise Conflict(str(wrong)) from wrong


# --- run -------------------------------------------------------------------------------------------------


def run(job: RunningJob) -> None:
    file = ImportedFile.objects.filter(pk=job.parameters["file"], workspace=job.workspace).first()
    if file is None or not file.content:
        raise JobFailed("The uploaded file is not there any more. Upload it again.")
    try:
        rows = read_reviews(bytes(file.content), sheet=file.sheet).rows
    except RowsError as wrong:
        raise JobFailed(str(wrong)) from wrong
    for begin in range(job.place.get("next", 0), len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        with job.step() as step:
            counts, conflicts = _apply(some, job)
            step.done, step.place = len(some), {"next": begin + AT_ONCE}
            named = job.row.result.get("not_applied", [])
            step.result = {**counts, CONFLICTS: len(conflicts)}
            if conflicts and len(named) < MOST_NAMED:
                step.result["not_applied"] = [*named, *conflicts][:MOST_NAMED]
    file.forget_texts()


def _apply(rows: Sequence[ReviewRow], job: RunningJob) -> tuple[Counter[str], list[dict[str, Any]]]:
    heads, edits = find_heads(rows, job.workspace), may_edit(job.workspace, job.by)
    counts: Counter[str] = Counter()
    conflicts: list[dict[str, Any]] = []
    for row in rows:
        try:
            apply_row(row, heads.get(row.conversation_id), by=job.by, edits=edits)
        except Conflict as wrong:
            conflicts.append({"rows": str(row.number), "message": f"{row.conversation_id}: {wrong}"})
        else:
            counts.update(list_changes(row))
    return counts, conflicts
