"""Delete a workspace, or a person. Both are out of sight with the commit; a background job then removes the content."""

from django.db import transaction

from background.actions import add_job
from background.models import BackgroundJob
from background.states import OPEN
from batches.models import BatchJob, GenerationLog
from batches.models.states import ACTIVE, LogState
from conversations.models import SavedView
from workspaces.actions import Refused
from workspaces.audit import record
from workspaces.members import remove_member
from workspaces.models import ApiToken, ClockTimestamp, Membership, SignInLink, User, Workspace
from workspaces.states import Action, TargetKind

DELETE_CONTENT = "delete_workspace"
DELETED_WORKSPACE = "Deleted workspace"


@transaction.atomic
def delete_workspace(workspace: Workspace, *, by: User | None) -> None:
    """Nobody is a member any more, and a background job removes the content. The caller asks whether the person owns it.

    Raises Refused for a personal workspace, which goes with its person, and while anything runs in it.
    """
    locked = _lock(workspace)
    if locked.personal_of_id is not None:
        raise Refused("A personal workspace is deleted together with its account: Settings, Account.")
    _delete(locked, by=by)


@transaction.atomic
def delete_person(user: User, *, by: User | None) -> None:
    """Nobody signs in as this person any more; the row stays without name and address, because what others own points at it.

    The personal workspace goes, and every other one in which nobody else is. Raises Refused for the last account that may do
    everything, for the only owner of a workspace with other members, and while anything runs in a workspace that would go.
    """
    found = User.objects.select_for_update().get(pk=user.pk)
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=found.pk)
    if found.is_superuser and not others.exists():
        raise Refused(
            "This is the only account that may do everything here. Make another one a superuser first."
        )
    name = found.get_username()
    record(action=Action.REMOVE, kind=TargetKind.PERSON, target=found, name=name, by=by)
    for member in Membership.objects.filter(user=found).select_related("workspace", "user"):
        alone = not Membership.objects.filter(workspace=member.workspace_id).exclude(user=found).exists()
        if alone or member.workspace.personal_of_id == found.pk:
            _delete(_lock(member.workspace), by=by)
        else:
            remove_member(member, by=by)
    SignInLink.objects.filter(user=found).delete()
    ApiToken.objects.filter(user=found).delete()
    SavedView.objects.filter(user=found).delete()
    _empty(found)


def find_reason_to_wait(workspace: Workspace) -> str:
    """What still runs in it, in a sentence with the remedy. Empty if nothing does."""
    batches = BatchJob.objects.filter(workspace=workspace, status__in=ACTIVE).count()
    jobs = BackgroundJob.objects.filter(workspace=workspace, status__in=OPEN).count()
    calls = GenerationLog.objects.filter(workspace=workspace, state=LogState.PENDING).count()
    running = {"batches": batches, "background jobs": jobs, "calls": calls}
    words = ", ".join(f"{number:,} {name}" for name, number in running.items() if number)
    if not words:
        return ""
    return f"Work in “{workspace.name}” has not ended yet ({words}). Cancel it or wait, then delete."


def _lock(workspace: Workspace) -> Workspace:
    return Workspace.objects.select_for_update().get(pk=workspace.pk)


def _delete(locked: Workspace, *, by: User | None) -> None:
    if locked.deleted_at is not None:
        raise Refused("This workspace is deleted already.")
    if reason := find_reason_to_wait(locked):
        raise Refused(reason)
    members = Membership.objects.filter(workspace=locked)
    record(
        action=Action.REMOVE,
        kind=TargetKind.WORKSPACE,
        target=locked,
        by=by,
        before={"members": members.count()},
    )
    add_job(DELETE_CONTENT, workspace=locked, by=None, name="Remove the content")
    Workspace.objects.filter(pk=locked.pk).update(deleted_at=ClockTimestamp(), personal_of=None)
    ApiToken.objects.filter(workspace=locked).delete()
    members.delete()


def _empty(user: User) -> None:
    user.username = f"deleted-{user.pk.hex}"
    user.email = user.first_name = user.last_name = ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.set_unusable_password()  # every session of the person ends
    user.save()
