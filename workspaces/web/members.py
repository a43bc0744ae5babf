"""The page with the members of a workspace and their roles."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workspaces.actions import Refused, create_sign_in_link
from workspaces.chosen import ChosenWorkspace, choose_changeable_workspace, choose_workspace, open_workspace
from workspaces.members import (
    add_member,
    change_role,
    find_person,
    invite,
    remove_member,
)
from workspaces.models import Membership, User
from workspaces.people import get_person
from workspaces.tries import count_missed_name
from workspaces.web.account_forms import ROLES, AddForm, InviteForm, RoleForm

ADD_IDS, INVITE_IDS = "id_add_%s", "id_invite_%s"  # both forms are on one page
ACTIONS = ("role", "remove", "link")
NOBODY = "Nobody here has exactly this name or address. Check the spelling, or make an account below."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def list_or_add_members(request: HttpRequest) -> HttpResponse:
    """Every member sees who is in the workspace. Owners add people who have an account, and make accounts for others."""
    if request.method != "POST":
        return render_members(request, choose_workspace(request))
    chosen, by = choose_changeable_workspace(request), get_person(request)
    if request.POST.get("action") == "invite":
        return invite_person(request, chosen, by=by)
    form = AddForm(request.POST, auto_id=ADD_IDS)
    if form.is_valid():
        person = find_person(form.cleaned_data["name"].strip())
        if person is None:
            count_missed_name(by)
            form.add_error("name", NOBODY)
        else:
            try:
                add_member(chosen.workspace, user=person, role=form.cleaned_data["role"], by=by)
            except Refused as refused:
                form.add_error(None, str(refused))
            else:
                messages.success(request, f"{person.get_username()} is a member now.")
                return redirect_to_members(chosen.workspace.pk)
    return render_members(request, chosen, add=form)


def invite_person(request: HttpRequest, chosen: ChosenWorkspace, *, by: User) -> HttpResponse:
    """The answer shows the link, the only time that it is shown."""
    form = InviteForm(request.POST, auto_id=INVITE_IDS)
    if form.is_valid():
        try:
            made = invite(chosen.workspace, **form.cleaned_data, by=by)
        except Refused as refused:
            count_missed_name(by)
            form.add_error(None, str(refused))
        else:
            return render_members(request, chosen, link=make_link(request, made, by=by), person=made.user)
    return render_members(request, chosen, invited=form)


@never_cache
@require_POST
@login_required
def change_member(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """Change the role, remove, or make a sign-in link. Only owners do; but everybody may leave."""
    by = get_person(request)
    member = find_member(by, member_id)
    action = request.POST.get("action")
    if action not in ACTIONS:
        messages.error(request, "Nothing is changed: press one of the buttons beside the name.")
        return redirect_to_members(member.workspace_id)
    leaves = action == "remove" and member.user_id == by.pk
    if not leaves and not _owns(by, member.workspace_id):
        raise PermissionDenied
    if action == "link":
        return show_link(request, member, by=by)
    name = member.user.get_username()
    try:
        if action == "remove":
            remove_member(member, by=by)
            messages.success(request, "You have left the workspace." if leaves else f"{name} is removed.")
        else:
            give_role(request, member, by=by)
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("settings_workspaces") if leaves else redirect_to_members(member.workspace_id)


def give_role(request: HttpRequest, member: Membership, *, by: User) -> None:
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose a role from the list.")
    elif change_role(member, role=form.cleaned_data["role"], by=by):
        role = form.cleaned_data["role"].label.lower()
        messages.success(request, f"{member.user.get_username()} is {role} from now on.")


def show_link(request: HttpRequest, member: Membership, *, by: User) -> HttpResponse:
    """A link for an account that was made here and has no password yet. Raises PermissionDenied for any other one."""
    if not Membership.objects.open_to_links_of(by).filter(pk=member.pk).exists():
        raise PermissionDenied
    link = make_link(request, member, by=by)
    return render_members(
        request, open_workspace(request, member.workspace_id), link=link, person=member.user
    )


def make_link(request: HttpRequest, member: Membership, *, by: User) -> str:
    """The whole address. Whoever has it signs in as that member, once."""
    lifetime, place = settings.INVITATION_LIFETIME, member.workspace
    text = create_sign_in_link(member.user, lifetime=lifetime, workspace=place, by=by)
    return request.build_absolute_uri(reverse("sign_in_link", args=[text]))


def find_member(by: User, key: UUID) -> Membership:
    """Raises Http404 for a member of a workspace in which this person is not."""
    mine = Membership.objects.of(by).values("workspace")
    rows = Membership.objects.select_related("user", "workspace")
    found = rows.filter(pk=key, workspace__in=mine).first()
    if found is None:
        raise Http404
    return found


def _owns(by: User, workspace: UUID) -> bool:
    return Membership.objects.of(by).owners().filter(workspace=workspace).exists()


def render_members(
    request: HttpRequest,
    chosen: ChosenWorkspace,
    *,
    add: AddForm | None = None,
    invited: InviteForm | None = None,
    link: str = "",
    person: User | None = None,
) -> HttpResponse:
    wrong = next((form for form in (add, invited) if form and form.errors), None)
    context: dict[str, Any] = {
        "chosen": chosen,
        "members": list_members(request, chosen),
        "roles": ROLES,
        "form": wrong,
        "add": add or AddForm(auto_id=ADD_IDS),
        "invited": invited or InviteForm(auto_id=INVITE_IDS),
        "link": link,
        "person": person,
        "link_days": settings.INVITATION_LIFETIME.days,
    }
    return render(request, "workspaces/members.html", context, status=422 if wrong else 200)


def list_members(request: HttpRequest, chosen: ChosenWorkspace) -> list[dict[str, Any]]:
    """Each member, with what may be done about them."""
    by = get_person(request)
    linkable = set()
    if chosen.may_change:
        open_to = Membership.objects.open_to_links_of(by).filter(workspace=chosen.workspace)
        linkable = set(open_to.values_list("pk", flat=True))
    rows = Membership.objects.filter(workspace=chosen.workspace).select_related("user", "workspace")
    personal = chosen.workspace.personal_of_id
    return [
        {
            "member": each,
            "is_me": each.user_id == by.pk,
            "is_fixed": each.user_id == personal,
            "may_link": each.pk in linkable,
        }
        for each in rows.order_by("user__username")
    ]


def redirect_to_members(workspace: UUID) -> HttpResponse:
    return redirect(f"{reverse('settings_members')}?workspace={workspace}")
