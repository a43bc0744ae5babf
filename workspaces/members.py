"""Actions on shared workspaces and on who is in them. The views ask whether the person owns the workspace.

Every change of the members of a workspace locks its row, so that two owners cannot take the role from each other at the same
moment. Whoever is removed sees nothing of it at the next request; batches that were started go on.
"""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from workspaces.actions import Refused
from workspaces.audit import record
from workspaces.models import ApiToken, Membership, SignInLink, User, Workspace
from workspaces.states import Action, TargetKind

Role = Membership.Role

MOST_MEMBERS = 200  # of a workspace
MOST_WORKSPACES = 50  # that a person is in
GONE = "This person is no member any more."


@transaction.atomic
def create_workspace(*, name: str, by: User) -> Workspace:
    """Make a workspace that people may share, with the starter pack. Its maker owns it. Raises Refused beyond fifty."""
    if Membership.objects.filter(user=by).count() >= MOST_WORKSPACES:
        raise Refused(f"You are in {MOST_WORKSPACES} workspaces already. Leave one that you do not need.")
    workspace = Workspace.objects.create(name=name)
    Membership.objects.create(workspace=workspace, user=by, role=Role.OWNER)
    workspace.furnish()
    record(action=Action.CREATE, kind=TargetKind.WORKSPACE, target=workspace, by=by)
    return workspace


@transaction.atomic
def rename_workspace(workspace: Workspace, *, name: str, by: User) -> bool:
    """Give a workspace another name. Returns False if it has that name already."""
    locked = _lock(workspace.pk)
    if locked.name == name:
        return False
    Workspace.objects.filter(pk=workspace.pk).update(name=name)
    workspace.name = name
    before, after = {"name": locked.name}, {"name": name}
    record(
        action=Action.RENAME, kind=TargetKind.WORKSPACE, target=workspace, by=by, before=before, after=after
    )
    return True


def find_person(name: str) -> User | None:
    """The active person of exactly this name, or of this e-mail address if only one has it. There is no search for parts."""
    active = User.objects.filter(is_active=True)
    if found := active.filter(username=name).first():
        return found
    several = list(active.filter(email__iexact=name)[:2]) if "@" in name else []
    return several[0] if len(several) == 1 else None


@transaction.atomic
def add_member(workspace: Workspace, *, user: User, role: Membership.Role, by: User) -> Membership:
    """Let a person in who has an account. Raises Refused for a member, and for a workspace that is full."""
    _lock(workspace.pk)
    made = _join(workspace, user, role)
    after = {"role": role}
    name = user.get_username()
    record(action=Action.ADD, kind=TargetKind.MEMBER, target=made, name=name, by=by, after=after)
    return made


@transaction.atomic
def invite(workspace: Workspace, *, username: str, email: str, role: Membership.Role, by: User) -> Membership:
    """Make an account without a password, in this workspace. A sign-in link lets its person in.

    Raises Refused for a name or an address that somebody has.
    """
    _lock(workspace.pk)
    taken = User.objects.filter(username__iexact=username).exists()
    if taken or (email and User.objects.filter(email__iexact=email).exists()):
        raise Refused(
            "Somebody here has this name or address. Add that person instead, or choose another name."
        )
    made = _join(workspace, User.objects.create_user(username, email), role, invited=True)
    after = {"role": role}
    record(action=Action.INVITE, kind=TargetKind.MEMBER, target=made, name=username, by=by, after=after)
    return made


@transaction.atomic
def change_role(member: Membership, *, role: Membership.Role, by: User) -> bool:
    """Give a member another role. Returns False if it is that already. Raises Refused for the last owner."""
    found = _lock_member(member)
    if found.role == role:
        return False
    _keep_an_owner(found)
    Membership.objects.filter(pk=found.pk).update(role=role)
    name = found.user.get_username()
    before, after = {"role": found.role}, {"role": role}
    record(
        action=Action.CHANGE_ROLE,
        kind=TargetKind.MEMBER,
        target=found,
        name=name,
        by=by,
        before=before,
        after=after,
    )
    return True


@transaction.atomic
def remove_member(member: Membership, *, by: User | None) -> None:
    """Take a person out of the workspace, and revoke the tokens that are bound to it. Raises Refused for the last owner.

    An account that was made for this workspace cannot be entered by a link any more.
    """
    found = _lock_member(member)
    _keep_an_owner(found)
    bound = ApiToken.objects.filter(user=found.user, workspace=found.workspace, revoked_at=None)
    after = {"revoked_tokens": bound.update(revoked_at=timezone.now())}
    if found.invited:
        SignInLink.end_all_of(found.user)
    name, before = found.user.get_username(), {"role": found.role}
    record(
        action=Action.REMOVE,
        kind=TargetKind.MEMBER,
        target=found,
        name=name,
        by=by,
        before=before,
        after=after,
    )
    Membership.objects.filter(pk=found.pk).delete()


def find_reason_to_stay(member: Membership) -> str:
    """Why this member stays an owner, since otherwise nobody could change the workspace any more. Empty for any other one."""
    if member.role != Role.OWNER:
        return ""
    name = member.user.get_username()
    if member.workspace.personal_of_id == member.user_id:
        return f"This is the personal workspace of {name}, who stays its owner."
    others = Membership.objects.owners().filter(workspace=member.workspace, user__is_active=True)
    if others.exclude(pk=member.pk).exists():
        return ""
    return f"{name} is the only owner. Make somebody else an owner first."


# --- what the actions share ----------------------------------------------------------------------------


def _lock(workspace: UUID) -> Workspace:
    return Workspace.objects.select_for_update(no_key=True).get(pk=workspace)


def _lock_member(member: Membership) -> Membership:
    _lock(member.workspace_id)
    found = Membership.objects.select_related("user", "workspace").filter(pk=member.pk).first()
    if found is None:
        raise Refused(GONE)
    return found


def _join(workspace: Workspace, user: User, role: Membership.Role, *, invited: bool = False) -> Membership:
    members = Membership.objects.filter(workspace=workspace)
    if members.filter(user=user).exists():
        raise Refused(f"{user.get_username()} is a member already. Change the role in the list.")
    if members.count() >= MOST_MEMBERS:
        raise Refused(f"This workspace has {MOST_MEMBERS} members already. Remove one first.")
    if Membership.objects.filter(user=user).count() >= MOST_WORKSPACES:
        raise Refused(f"{user.get_username()} is in {MOST_WORKSPACES} workspaces already.")
    return Membership.objects.create(workspace=workspace, user=user, role=role, invited=invited)


def _keep_an_owner(member: Membership) -> None:
    if reason := find_reason_to_stay(member):
        raise Refused(reason)
