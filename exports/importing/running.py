"""The background job of an import: it reads the file and stores its conversations, a few in each step."""

import time
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from background.actions import add_job
from background.models import BackgroundJob
from background.running import JobFailed, RunningJob
from conversations.thresholds import Thresholds
from exports.importing.choices import Choices
from exports.importing.matching import Outcome, match_file
from exports.importing.reading import ReadConversation, read_file
from exports.importing.storing import Destination, reserve_file_ids, store_new, store_version
from exports.models import ImportedFile
from lib.row_problems import RowsError
from lib.stale_state import StaleState
from workspaces.audit import Change, record, record_many
from workspaces.models import RequestKey, User, Workspace
from workspaces.states import Action, TargetKind

IMPORT = "import"
AT_ONCE = 50  # conversations in a step
STEP_S = 0.5  # that storing them may take; what is left is for the next step
NEW, VERSIONS, THERE, REFUSED = "imported", "new_versions", "already_there", "refused"


# --- start -----------------------------------------------------------------------------------------------


@transaction.atomic
def start_import(
    file: ImportedFile, choices: Choices, *, by: User | None, sent: RequestKey | None = None
) -> BackgroundJob:
    """Import a file that waits, by a background job. Raises StaleState for one that is imported already.

    Raises PermissionDenied for a person who is no editor in its workspace.
    """
    held = ImportedFile.objects.select_for_update(no_key=True).get(pk=file.pk)
    if held.job_id is not None:
        raise StaleState("file", verb="imported", status="imported already")
    count = int(held.report.get("read", 0))
    job = add_job(
        IMPORT,
        workspace=held.workspace,
        by=by,
        name=f"Import {held.name}",
        parameters={"file": str(held.pk)},
        total=count,
        result={REFUSED: refused} if (refused := held.report.get("refused")) else {},
        sent=sent,
    )
    ImportedFile.objects.filter(pk=held.pk).update(job=job, choices=choices.to_json())
    record(
        action=Action.IMPORT, kind=TargetKind.IMPORT_FILE, target=held, by=by, after={"conversations": count}
    )
    file.job = job
    return job


# --- run -------------------------------------------------------------------------------------------------


def run(job: RunningJob) -> None:
    file = ImportedFile.objects.filter(pk=job.parameters["file"], workspace=job.workspace).first()
    if file is None or not file.content:
        raise JobFailed("The uploaded file is not there any more. Upload it again.")
    conversations = _read(file)
    to = _find_destination(file, job, conversations)
    begin = job.place.get("next", 0)
    while begin < len(conversations):
        with job.step() as step:
            outcomes = _store(conversations[begin : begin + AT_ONCE], to)
            begin += outcomes.total()
            step.done, step.place = outcomes.total(), {"next": begin}
            step.result = dict(outcomes)
    file.forget_texts()


def _read(file: ImportedFile) -> list[ReadConversation]:
    try:
        return read_file(bytes(file.content), sheet=file.sheet).conversations
    except RowsError as wrong:
        raise JobFailed(str(wrong)) from wrong


def _find_destination(
    file: ImportedFile, job: RunningJob, conversations: list[ReadConversation]
) -> Destination:
    workspace, choices = Workspace.objects.get(pk=job.workspace), Choices.read(file.choices)
    if file.floors is None:
        with job.step():
            file.floors = reserve_file_ids(workspace, conversations)
            ImportedFile.objects.filter(pk=file.pk).update(floors=file.floors)
    return Destination(
        workspace=workspace,
        job=job.row,
        file_name=file.name,
        choices=choices,
        version=choices.find_version(workspace.pk),
        thresholds=Thresholds.of(workspace.pk),
        floors=file.floors,
    )


def _store(some: Sequence[ReadConversation], to: Destination) -> Counter[str]:
    """Store these, as many as half a second allows, at least one. Returns how many there were of each outcome."""
    outcomes: Counter[str] = Counter()
    changes: list[Change] = []
    newer: dict[UUID, UUID] = {}  # a second correction of one id in the file follows the first
    ends_at = time.monotonic() + STEP_S
    for each, match in zip(some, match_file(some, workspace=to.workspace.pk), strict=True):
        if outcomes and time.monotonic() > ends_at:
            break
        if match.outcome == Outcome.THERE and not to.choices.again:
            outcomes[THERE] += 1
            continue
        if match.head and to.choices.as_versions:
            made = store_version(each, newer.get(match.head, match.head), to)
            newer[match.head] = made.pk
            outcomes[VERSIONS] += 1
        else:
            made = store_new(each, to)
            outcomes[NEW] += 1
        changes.append(Change(made.pk, made.conversation_id, {}, {"file": to.file_name, "row": each.number}))
    record_many(
        changes,
        action=Action.IMPORT,
        kind=TargetKind.CONVERSATION,
        by=to.job.created_by,
        workspace=to.workspace.pk,
    )
    return outcomes
