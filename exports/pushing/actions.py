"""What people do with the Hub of Hugging Face: enter and remove the token of a workspace, and push an export."""

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from background.actions import add_job
from exports.formats import FORMATS
from exports.models import Export, HubToken
from exports.models.states import ExportState
from exports.pushing import hub
from exports.pushing.kinds import NOT_ENTERED, PUSH, STEPS
from lib.encryption import encrypt
from lib.stale_state import StaleState
from workspaces.audit import record
from workspaces.models import Membership, RequestKey, User, Workspace
from workspaces.states import Action, TargetKind

PUSHED_FORMAT = "folder"


class CannotPush(StaleState):
    """The export cannot be pushed now. The message says why and what to do."""

    def __init__(self, why: str, *, status: str) -> None:
        self.noun, self.verb, self.status = "export", "pushed", status
        Exception.__init__(self, why)


@sensitive_variables("token")
def enter_token(*, workspace: Workspace, token: str, by: User | None) -> None:
    """Push by this token from now on. The entry tells that it was entered; nothing of the token is in it."""
    with transaction.atomic():
        values = {"encrypted_key": encrypt(token.encode()), "created_by": by}
        kept, created = HubToken.objects.update_or_create(workspace=workspace, defaults=values)
        record(
            action=Action.CREATE if created else Action.CHANGE, kind=TargetKind.HUB_TOKEN, target=kept, by=by
        )


@transaction.atomic
def remove_token(*, workspace: Workspace, by: User | None) -> bool:
    """False when there is none."""
    kept = HubToken.objects.select_for_update().filter(workspace=workspace).first()
    if kept is None:
        return False
    record(action=Action.REMOVE, kind=TargetKind.HUB_TOKEN, target=kept, by=by)
    HubToken.objects.filter(pk=kept.pk).delete()
    return True


@transaction.atomic
def push_export(
    export: Export, *, repository: str, public: bool, by: User | None, sent: RequestKey | None = None
) -> Export:
    """Start the job that pushes its folder to this repository, which is made private unless `public`.

    `repository` is one that `read_repository` has read. Raises CannotPush, StaleState for an export without files, and
    PermissionDenied for a person who is no editor.
    """
    row = (
        Export.objects.select_for_update(no_key=True, of=("self",))
        .select_related("job", "push_job", "workspace")
        .get(pk=export.pk)
    )
    if row.state != ExportState.COMPLETED:
        raise StaleState("export", verb="pushed", status=row.state)
    if problem := find_problem(row):
        raise CannotPush(problem, status=row.state)
    export.push_job = add_job(
        PUSH,
        workspace=row.workspace,
        by=by,
        name=f"Push {row.name} to {repository}",
        parameters={"export": str(row.pk), "repository": repository, "public": public},
        result={"export": str(row.pk)},
        total=STEPS,
        sent=sent,
    )
    Export.objects.filter(pk=row.pk).update(push_job=export.push_job)
    about = {"repository": repository, "public": public}
    record(action=Action.PUSH, kind=TargetKind.EXPORT, target=row, by=by, after=about)
    return export


def is_pushable(export: Export) -> bool:
    """Whether this is what the Hub takes: a written dataset folder."""
    return export.format == PUSHED_FORMAT and export.state == ExportState.COMPLETED


def may_push(user: User, export: Export) -> bool:
    """Whether this person edits in its workspace: a push gives its conversations to another server."""
    mine = Membership.objects.of(user)
    return mine.filter(workspace=export.workspace_id, role__in=Membership.EDITORS).exists()


def find_problem(export: Export) -> str:
    """Why an export that has its files cannot be pushed now, and what to do; empty if it can."""
    if export.format != PUSHED_FORMAT:
        return f"The Hub takes an export in the format “{FORMATS[PUSHED_FORMAT].label}”. Start one of the same conversations."
    if export.is_being_pushed:
        return "It is being pushed already. Wait until that has ended, or cancel it."
    if not hub.is_available():
        return hub.INSTALL
    if not HubToken.objects.filter(workspace=export.workspace_id).exists():
        return NOT_ENTERED
    return ""
