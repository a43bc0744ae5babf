"""The rules about members that no page can go around: the last owner, personal workspaces, links, limits."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from tests.factories import make_member, make_user, make_workspace
from workspaces import members
from workspaces.actions import Refused, create_sign_in_link
from workspaces.members import add_member, change_role, find_person, invite, remove_member
from workspaces.models import Membership, SignInLink, User, Workspace

pytestmark = pytest.mark.django_db
Role = Membership.Role


@pytest.fixture
def shared(owner: User) -> Workspace:
    return make_workspace(owner=owner)


def own(shared: Workspace, owner: User) -> Membership:
    return Membership.objects.get(workspace=shared, user=owner)


def test_the_last_owner_stays(shared: Workspace, owner: User) -> None:
    make_member(workspace=shared, user=make_user(is_active=False), role=Role.OWNER)  # nobody who can come in
    for act in (
        lambda: change_role(own(shared, owner), role=Role.EDITOR, by=owner),
        lambda: leave(shared, owner),
    ):
        with pytest.raises(Refused, match="owner is the only owner"):
            act()
    other = make_member(workspace=shared, role=Role.EDITOR)
    assert change_role(other, role=Role.OWNER, by=owner)
    leave(shared, owner)
    assert list(Membership.objects.owners().filter(workspace=shared, user__is_active=True)) == [other]


def leave(shared: Workspace, owner: User) -> None:
    remove_member(own(shared, owner), by=owner)


def test_a_personal_workspace_stays_with_its_person(owner: User) -> None:
    home = owner.personal_workspace()
    other = make_member(workspace=home, role=Role.OWNER)
    for act in (
        lambda: remove_member(own(home, owner), by=other.user),
        lambda: change_role(own(home, owner), role=Role.VIEWER, by=other.user),
    ):
        with pytest.raises(Refused, match="personal workspace of owner"):
            act()
    assert owner.personal_workspace() == home


def test_nobody_is_in_a_workspace_twice(shared: Workspace, owner: User) -> None:
    member = make_member(workspace=shared)
    with pytest.raises(Refused, match="is a member already"):
        add_member(shared, user=member.user, role=Role.OWNER, by=owner)


def test_who_is_gone_is_not_changed(shared: Workspace, owner: User) -> None:
    member = make_member(workspace=shared)
    remove_member(member, by=owner)
    with pytest.raises(Refused, match="no member any more"):
        change_role(Membership(pk=member.pk, workspace=shared, user=member.user), role=Role.OWNER, by=owner)


def test_a_workspace_has_so_many_members(
    shared: Workspace, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MOST_MEMBERS", 1)
    with pytest.raises(Refused, match="1 members already"):
        add_member(shared, user=make_user(), role=Role.VIEWER, by=owner)
    assert not User.objects.filter(username="maria").exists()


def test_an_account_is_not_made_twice(shared: Workspace, owner: User) -> None:
    """An address of two people would sign in neither of them."""
    make_user(username="Maria", email="maria@example.org")
    about: dict[str, Any] = {"role": Role.VIEWER, "by": owner}
    for username, email in (("maria", ""), ("MARIA", ""), ("other", "Maria@Example.org")):
        with pytest.raises(Refused, match="has this name or address"):
            invite(shared, username=username, email=email, **about)
    assert invite(shared, username="third", email="", **about).user.has_usable_password() is False


def test_people_are_found_by_exactly_their_name_or_address() -> None:
    maria = make_user(username="maria", email="maria@example.org")
    make_user(username="gone", is_active=False)
    for name in ("one", "two"):
        make_user(username=name, email="shared@example.org")
    assert find_person("maria") == find_person("Maria@example.org") == maria
    for name in ("mar", "Maria", "gone", "shared@example.org", "", "%", "@"):
        assert find_person(name) is None, name


# --- sign-in links --------------------------------------------------------------------------------------


def linkable(owner: User) -> set[str]:
    found = Membership.objects.open_to_links_of(owner)
    return set(found.values_list("user__username", flat=True))


def test_an_owner_makes_links_for_accounts_that_open_nothing_else(shared: Workspace, owner: User) -> None:
    for name in ("maria", "bert"):
        invite(shared, username=name, email="", role=Role.VIEWER, by=owner)
    assert linkable(owner) == {"maria", "bert"}
    make_member(workspace=make_workspace(owner=owner), user=User.objects.get(username="bert"))
    assert linkable(owner) == {"maria", "bert"}, "another workspace of this owner"
    make_member(workspace=make_workspace(owner=make_user()), user=User.objects.get(username="bert"))
    assert linkable(owner) == {"maria"}, "bert's account opens somebody else's workspace by now"
    assert linkable(User.objects.get(username="maria")) == set(), "a viewer"


@pytest.mark.parametrize(
    "about", [{"password": "correct horse battery"}, {"staff": True}, {"is_active": False}, {}]
)
def test_a_link_is_no_way_into_an_account_of_somebody_else(
    shared: Workspace, owner: User, about: dict[str, Any]
) -> None:
    person = make_user(username="maria", **{"password": None, **about})
    if about:  # made here, but by now it is the person's own, or one with powers, or closed
        Membership.objects.create(workspace=shared, user=person, role=Role.VIEWER, invited=True)
    else:  # an account that was there before, added by its name
        add_member(shared, user=person, role=Role.VIEWER, by=owner)
    assert linkable(owner) == set()


def test_an_owner_of_a_superusers_workspace_makes_no_link_for_it(owner: User) -> None:
    boss = make_user(username="boss", superuser=True)
    make_member(workspace=boss.personal_workspace(), user=owner, role=Role.OWNER)
    assert linkable(owner) == set()


def test_the_link_of_who_was_invited_and_removed_works_no_more(shared: Workspace, owner: User) -> None:
    member = invite(shared, username="maria", email="", role=Role.VIEWER, by=owner)
    text = create_sign_in_link(member.user, by=owner)
    remove_member(member, by=owner)
    assert SignInLink.redeem(text) is None


# --- at the same moment ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_owners_do_not_take_the_role_from_each_other_at_once() -> None:
    """Each of them alone would leave an owner; both together would not."""
    one, two = make_user(), make_user()
    shared = make_workspace(owner=one)
    make_member(workspace=shared, user=two, role=Role.OWNER)

    def demote(pair: tuple[User, User]) -> bool:
        by, other = pair
        try:
            return change_role(own(shared, other), role=Role.VIEWER, by=by)
        except Refused:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(demote, [(one, two), (two, one)]))
    assert sorted(done) == [False, True]
    assert Membership.objects.owners().filter(workspace=shared).count() == 1
