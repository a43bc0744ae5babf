"""Settings, Members: who is in a workspace, and what its owners do about it."""

from typing import Any

import pytest
from django.test import Client

from batches.models.states import JobStatus
from tests.factories import make_conversation, make_job, make_member, make_user, make_workspace
from workspaces import tries
from workspaces.models import AuditEntry, Membership, User, Workspace

pytestmark = pytest.mark.django_db
PAGE = "/settings/members/"
Role = Membership.Role


@pytest.fixture
def shared(owner: User) -> Workspace:
    return make_workspace(name="Together", owner=owner)


def post(client: Client, shared: Workspace, **body: Any) -> Any:
    return client.post(PAGE, {"workspace": str(shared.pk), **body}, follow=True)


def act(client: Client, member: Membership, **body: Any) -> Any:
    return client.post(f"{PAGE}{member.pk}/", body, follow=True)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_single_user_sees_one_member_and_nothing_to_take_away(signed_in: Client) -> None:
    page = signed_in.get(PAGE).text
    assert "owner" in page
    assert "Leave" not in page
    assert "Remove" not in page


def test_an_owner_adds_somebody_by_name_or_address(signed_in: Client, shared: Workspace) -> None:
    maria = make_user(username="maria", email="maria@example.org")
    answer = post(signed_in, shared, action="add", name="maria@example.org", role="reviewer")
    assert "maria is a member now" in answer.text
    assert Membership.objects.get(workspace=shared, user=maria).role == Role.REVIEWER
    assert "maria@example.org" not in answer.text, "to be a member does not show an address"
    assert "is a member already" in post(signed_in, shared, action="add", name="maria", role="owner").text


def test_nobody_is_named_who_is_elsewhere(signed_in: Client, shared: Workspace) -> None:
    make_user(username="closed", is_active=False)
    answers = [
        post(signed_in, shared, action="add", name=name, role="viewer") for name in ("closed", "nobody")
    ]
    assert {each.status_code for each in answers} == {422}
    assert all("Nobody here has exactly this name or address" in each.text for each in answers)


def test_names_are_not_tried_out_by_the_hundred(
    signed_in: Client, shared: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tries, "MOST_NAMES", 2)
    tried = [post(signed_in, shared, action="add", name=f"x{n}", role="viewer") for n in range(3)]
    assert [each.status_code for each in tried] == [422, 422, 429]
    assert tried[2]["Retry-After"] == "900"


def test_an_invitation_makes_an_account_and_shows_its_link_once(signed_in: Client, shared: Workspace) -> None:
    answer = post(
        signed_in, shared, action="invite", username="maria", email="maria@example.org", role="editor"
    )
    assert answer.status_code == 200
    link = answer.context["link"]
    assert link.startswith("http://testserver/sign-in/")
    assert link in answer.text
    assert link not in signed_in.get(f"{PAGE}?workspace={shared.pk}").text
    browser = Client()
    arrived = browser.post(link, follow=True)
    assert "Set a password: until then the owner who invited you" in arrived.text
    assert browser.post(link).status_code == 410
    assert AuditEntry.objects.filter(workspace=shared).count() == 2
    told = [str((each.target_name, each.before, each.after)) for each in AuditEntry.objects.all()]
    assert not [text for text in told if link.split("/")[-2] in text]


def test_another_link_until_there_is_a_password(signed_in: Client, shared: Workspace) -> None:
    post(signed_in, shared, action="invite", username="maria", role="editor")
    member = Membership.objects.get(user__username="maria", workspace=shared)
    assert "no password yet" in signed_in.get(f"{PAGE}?workspace={shared.pk}").text
    assert act(signed_in, member, action="link").context["link"]
    member.user.set_password("correct horse battery")
    member.user.save(update_fields=["password"])
    assert act(signed_in, member, action="link").status_code == 403
    assert "New link" not in signed_in.get(f"{PAGE}?workspace={shared.pk}").text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"username": "two words"}, "use letters, digits"),
        ({"username": ""}, "choose the name by which the person will sign in"),
        ({"email": "no address"}, "valid email address"),
        ({"role": "king"}, "Role:"),
    ],
)
def test_what_cannot_be_an_account_is_named(
    signed_in: Client, shared: Workspace, given: dict[str, str], words: str
) -> None:
    body = {"action": "invite", "username": "maria", "email": "", "role": "viewer", **given}
    answer = post(signed_in, shared, **body)
    assert answer.status_code == 422
    assert words in answer.text
    assert not User.objects.filter(username="maria").exists()


def test_an_owner_changes_a_role_and_removes(signed_in: Client, shared: Workspace) -> None:
    member = make_member(workspace=shared, role=Role.VIEWER)
    name = member.user.get_username()
    assert f"{name} is editor from now on" in act(signed_in, member, action="role", role="editor").text
    assert f"{name} is removed" in act(signed_in, member, action="remove").text
    assert not Membership.objects.filter(pk=member.pk).exists()
    actions = AuditEntry.objects.filter(workspace=shared).values_list("action", "before", "after")
    assert list(actions) == [
        ("remove", {"role": "editor"}, {"revoked_tokens": 0}),
        ("change_role", {"role": "viewer"}, {"role": "editor"}),
    ]


def test_the_last_owner_is_told_why(signed_in: Client, shared: Workspace, owner: User) -> None:
    mine = Membership.objects.get(workspace=shared, user=owner)
    for body in ({"action": "remove"}, {"action": "role", "role": "viewer"}):
        assert "owner is the only owner" in act(signed_in, mine, **body).text
    assert Membership.objects.get(pk=mine.pk).role == Role.OWNER


@pytest.mark.parametrize("role", [Role.EDITOR, Role.REVIEWER, Role.VIEWER])
def test_others_look_and_may_leave(shared: Workspace, owner: User, role: Membership.Role) -> None:
    mine = make_member(workspace=shared, role=role)
    client = client_of(mine.user)
    page = client.get(f"{PAGE}?workspace={shared.pk}")
    assert "Only an owner of this workspace changes its members" in page.text
    assert "Remove" not in page.text
    boss = Membership.objects.get(workspace=shared, user=owner)
    assert post(client, shared, action="add", name="owner", role="viewer").status_code == 403
    assert post(client, shared, action="invite", username="x", role="viewer").status_code == 403
    for body in ({"action": "remove"}, {"action": "role", "role": "viewer"}, {"action": "link"}):
        assert act(client, boss, **body).status_code == 403
    assert act(client, mine, action="role", role="owner").status_code == 403
    assert "You have left the workspace" in act(client, mine, action="remove").text


def test_who_is_removed_sees_nothing_at_the_next_request_and_batches_go_on(
    signed_in: Client, shared: Workspace
) -> None:
    member = make_member(workspace=shared, role=Role.EDITOR)
    job = make_job(workspace=shared, by=member.user, status=JobStatus.PROCESSING, items=1)
    made = make_conversation(workspace=shared)
    client = client_of(member.user)
    assert client.get(f"/conversations/{made.pk}/").status_code == 200
    act(signed_in, member, action="remove")
    assert client.get(f"/conversations/{made.pk}/").status_code == 404
    assert client.get(f"/batches/{job.pk}/").status_code == 404
    assert client.get(f"{PAGE}?workspace={shared.pk}").status_code == 404
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING


def test_so_many_queries_for_any_number_of_members(
    signed_in: Client, shared: Workspace, django_assert_max_num_queries: Any
) -> None:
    """The person, the memberships, the list, the links, and what every page shows."""
    for _ in range(30):
        make_member(workspace=shared)
    with django_assert_max_num_queries(14):
        signed_in.get(f"{PAGE}?workspace={shared.pk}")
