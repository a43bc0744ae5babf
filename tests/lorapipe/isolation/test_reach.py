"""The workspaces that statements bring along: for whom, from when, and that a connection keeps nothing of them."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from batches.models import BatchJob
from conversations.models import Conversation
from lib.snapshot import one_snapshot
from lorapipe.isolation.middleware import ReachMiddleware
from stack.postgres import WEB
from tests.factories import make_conversation, make_job, make_member, make_token, make_user, make_workspace
from tests.support.web_role import can_be_web, owner_role, web_role
from workspaces.audit import record
from workspaces.isolation.reach import Reach, act_for, reach_all
from workspaces.models import AuditEntry, Membership, User, list_places
from workspaces.states import Action, TargetKind

pytestmark = pytest.mark.django_db


def titles() -> set[str]:
    return set(Conversation.objects.values_list("title", flat=True))


@pytest.fixture
def person() -> User:
    person = make_user()
    make_conversation(by=person, title="mine")
    make_conversation(title="theirs")
    return person


@pytest.fixture
def reach() -> Iterator[Reach]:
    reach = Reach()
    with web_role(), reach.entered():
        yield reach


def test_nobody_sees_nothing_and_a_person_their_workspaces(person: User, reach: Reach) -> None:
    assert titles() == set()
    act_for(person)
    assert titles() == {"mine"}
    with owner_role():
        other = make_user()
    act_for(other)
    assert titles() == set()


def test_the_workspaces_cost_no_query_of_their_own(person: User, reach: Reach) -> None:
    act_for(person)
    with CaptureQueriesContext(connection) as asked:
        assert titles() == titles() == {"mine"}
    assert len(asked) == 2
    assert reach.found == {str(person.personal_workspace().pk)}
    assert reach.is_known, "the first statement has looked them up, the second brought them along"


def test_it_holds_in_transactions_savepoints_and_snapshots(person: User, reach: Reach) -> None:
    act_for(person)
    with transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic():
            Conversation.objects.filter(title="mine").update(turn_count=None)
        assert titles() == {"mine"}
    with one_snapshot():
        assert titles() == {"mine"}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE conversations SET title = title")
        assert cursor.rowcount == 1
        with pytest.raises(TypeError, match="executemany"):
            cursor.executemany("SELECT %s", [[1], [2]])
    assert [row.title for row in Conversation.objects.iterator(chunk_size=1)] == ["mine"]


def test_nothing_of_it_stays_on_the_connection(person: User) -> None:
    """Also where another wrapper was added meanwhile, as when the connection is made in the first request of a thread."""
    before = list(connection.execute_wrappers)

    def added(execute: Any, *of: Any) -> Any:
        return execute(*of)

    with web_role():
        first = Reach()
        first.act_for(person)
        with first.entered():
            connection.execute_wrappers.append(added)
            assert titles() == {"mine"}
        with Reach().entered():
            assert titles() == set()
    assert connection.execute_wrappers == [*before, added]
    connection.execute_wrappers.remove(added)


def test_a_workspace_that_the_request_makes_is_reached(person: User, reach: Reach) -> None:
    act_for(person)
    assert titles() == {"mine"}
    shared = make_workspace(owner=person)
    make_conversation(workspace=shared, title="shared")
    assert titles() == {"mine", "shared"}
    newcomer = make_user()  # whose personal workspace is furnished by this request
    make_job(by=newcomer)
    assert BatchJob.objects.filter(workspace=newcomer.personal_workspace()).exists()


def test_what_concerns_the_installation_reaches_all_for_a_moment(person: User, reach: Reach) -> None:
    for who, seen in ((None, set()), (person, {"mine"})):
        if who:
            act_for(who)
        assert titles() == seen
        with reach_all():
            assert titles() == {"mine", "theirs"}
        assert titles() == seen


def test_an_entry_of_the_audit_log_may_be_in_the_workspace_of_somebody_else(
    person: User, reach: Reach
) -> None:
    with owner_role():
        other = make_user()
    for who in (None, person):
        if who:
            act_for(who)
        with transaction.atomic():
            record(action=Action.SIGN_IN, kind=TargetKind.PERSON, target=other, by=who)
            assert titles() == ({"mine"} if who else set())
    assert AuditEntry.objects.count() == 0, "nor is it read"
    with owner_role():
        assert AuditEntry.objects.filter(workspace=other.personal_workspace()).count() == 2


def test_staff_delete_a_person_who_has_rows_in_other_workspaces() -> None:
    shared, staff, leaving = make_workspace(owner=make_user()), make_user(staff=True), make_user()
    make_member(workspace=staff.personal_workspace(), user=leaving)
    job = make_job(workspace=shared, by=leaving)
    staff.user_permissions.set(Permission.objects.all())
    client = Client()
    client.force_login(staff)
    answer = client.post(f"/admin/workspaces/user/{leaving.pk}/delete/", {"post": "yes"})
    assert answer.status_code in (302, 403), "refused or done, never an error"
    job.refresh_from_db()
    assert job.created_by_id == (None if answer.status_code == 302 else leaving.pk)


def test_a_superuser_reaches_all_in_the_admin_alone(person: User) -> None:
    above = make_user(superuser=True)
    for path, expected in (("/admin/conversations/", {"mine", "theirs"}), ("/conversations/", set())):
        assert answer(path, above) == expected


def answer(path: str, user: User) -> set[str]:
    """What a view at this path sees without a filter of its own."""
    client = Client()
    client.force_login(user)
    request = RequestFactory().get(path)
    request.session = client.session
    found: set[str] = set()

    def view(request: Any) -> HttpResponse:
        assert request.user.is_authenticated
        found.update(titles())
        return HttpResponse()

    ReachMiddleware(view)(request)
    return found


def test_a_streamed_answer_reaches_the_same_rows_after_the_view(person: User) -> None:
    client = Client()
    client.force_login(person)
    request = RequestFactory().get("/")
    request.session = client.session

    def parts(request: Any) -> Iterator[str]:
        assert request.user.is_authenticated
        yield "first"
        yield from titles()

    response: Any = ReachMiddleware(lambda request: StreamingHttpResponse(parts(request)))(request)  # type: ignore[arg-type,return-value]
    assert b"".join(response) == b"firstmine"


def test_a_token_acts_for_its_person(person: User) -> None:
    client = Client(headers={"authorization": f"Bearer {make_token(user=person)}"})
    found = client.get("/api/conversations").json()["conversations"]
    assert [each["title"] for each in found] == ["mine"]


@pytest.mark.django_db(transaction=True)
def test_two_pooled_connections_carry_nothing_from_one_request_to_the_next() -> None:
    """200 requests of eight threads; every third has nobody, and sees nothing."""
    people = [make_user() for _ in range(4)]
    homes = {person.pk: person.personal_workspace().pk for person in people}
    for person in people:
        make_job(by=person)
    connection.ensure_connection()
    if not can_be_web():
        pytest.skip("this PostgreSQL is not ours: the roles are not there")
    settings = dict(connections["default"].settings_dict)
    settings["OPTIONS"] = {
        "options": f"{settings['OPTIONS']['options']} -c role={WEB}",
        "pool": {"min_size": 2, "max_size": 2, "timeout": 20},
    }
    chance = random.Random(7)
    asked = [chance.choice([*people, *people, None, None]) for _ in range(200)]

    def request(person: User | None) -> tuple[User | None, set[Any]]:
        connections["default"] = DatabaseWrapper(settings)
        reach = Reach()
        if person:
            reach.act_for(person)
        try:
            with reach.entered():
                first = set(BatchJob.objects.values_list("workspace_id", flat=True))
                with transaction.atomic():
                    second = set(BatchJob.objects.values_list("workspace_id", flat=True))
            assert first == second
            return person, first
        finally:
            connections["default"].close()

    try:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(request, asked))
    finally:
        DatabaseWrapper(settings).close_pool()
    assert len(answers) == 200
    for who, seen in answers:
        assert seen == ({homes[who.pk]} if who else set())


def test_a_member_sees_the_shared_rows(person: User) -> None:
    shared = make_workspace(owner=make_user())
    make_member(workspace=shared, user=person)
    make_conversation(workspace=shared, title="shared")
    assert answer("/", person) == {"mine", "shared"}


def test_a_bound_token_reaches_its_workspace_alone(person: User, reach: Reach) -> None:
    """By row level security too, where a query forgets to ask."""
    with owner_role():
        other = make_workspace(owner=person)
        make_conversation(workspace=other)
    person.bound_to = other.pk
    reach.act_for(person)
    with reach.entered():
        assert {each.workspace_id for each in Conversation.objects.all()} == {other.pk}


def test_memberships_are_asked_for_once_in_a_request_and_again_after_a_change(person: User) -> None:
    with Reach().entered():
        with CaptureQueriesContext(connection) as asked:
            assert len(list_places(person)) == 1
            assert len(list_places(person)) == 1
        assert len(asked) == 1
        shared = make_workspace()
        make_member(workspace=shared, user=person)
        assert len(list_places(person)) == 2
        Membership.objects.filter(workspace=shared).delete()
        assert len(list_places(person)) == 1
        assert len(list_places(make_user())) == 1


def test_a_membership_that_is_rolled_back_is_forgotten(person: User) -> None:
    with Reach().entered():
        with suppress(ZeroDivisionError), transaction.atomic():
            make_member(workspace=make_workspace(), user=person)
            assert len(list_places(person)) == 2
            raise ZeroDivisionError
        assert len(list_places(person)) == 1


def test_outside_a_request_memberships_are_asked_for_each_time(person: User) -> None:
    with CaptureQueriesContext(connection) as asked:
        list_places(person)
        list_places(person)
    assert len(asked) == 2
