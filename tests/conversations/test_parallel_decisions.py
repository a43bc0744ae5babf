"""Fifty people decide about one conversation at the same moment, each with a connection of its own."""

import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from conversations.bulk import decide_chosen
from conversations.models import Conversation, Decision
from conversations.states import BulkAction, Status
from tests.factories import make_conversation, make_token, make_user
from workspaces.models import AuditEntry, User

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 50
EDIT = {"turns": [{"turnNumber": 1, "content": "Said better"}]}
BODIES: list[dict[str, Any]] = [
    {"reviewAction": "approve"},
    {"reviewAction": "reject", "reasons": ["leak"]},
    {"status": "needs_revision"},
    {"reviewAction": "archive"},
    EDIT,
]


@pytest.fixture
def user() -> User:
    return make_user()


def race(act: Callable[[int], Any], people: int = PEOPLE) -> list[Any]:
    """What `act(number)` gave for each of them; all begin together."""
    gate = threading.Barrier(people)
    answers: list[Any] = [None] * people

    def run(number: int) -> None:
        try:
            gate.wait(60)
            answers[number] = act(number)
        except Exception as problem:
            answers[number] = problem
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return answers


def test_one_wins_and_the_others_get_409(user: User) -> None:
    made = make_conversation(by=user, status=Status.PENDING_REVIEW)
    clients = make_clients(user)

    def decide(number: int) -> Any:
        body = {**BODIES[number % len(BODIES)], "revision": 0}
        return clients[number].patch(f"/api/conversations/{made.pk}", body, content_type="application/json")

    answers = race(decide)
    codes = [getattr(answer, "status_code", answer) for answer in answers]
    assert (codes.count(200), codes.count(409)) == (1, PEOPLE - 1), codes
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert {said["code"] for said in refused} <= {"stale_revision", "superseded", "stale_state"}
    assert {said["current"]["revision"] for said in refused} == {1}
    assert Decision.objects.count() == 1
    assert Conversation.objects.count() in (1, 2)


def test_the_history_has_what_happened_in_order(user: User) -> None:
    """Without a revision each decides about what it has read; whoever is late is refused, and nothing is lost."""
    made = make_conversation(by=user, status=Status.PENDING_REVIEW)
    clients = make_clients(user)

    def decide(number: int) -> Any:
        answer: Any = None
        for body in BODIES[:3]:
            answer = clients[number].patch(
                f"/api/conversations/{made.pk}", body, content_type="application/json"
            )
            assert answer.status_code in (200, 409), answer.content
        return answer

    answers = race(decide, 20)
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    history = list(Decision.objects.filter(conversation=made).order_by("revision"))
    assert history
    assert [each.revision for each in history] == list(range(1, len(history) + 1))
    assert history[0].from_status == "pending_review"
    for earlier, later in pairwise(history):
        assert later.from_status == earlier.to_status
        assert later.created_at > earlier.created_at
    made.refresh_from_db()
    assert (made.status, made.revision) == (history[-1].to_status, len(history))
    assert AuditEntry.objects.filter(target_id=made.pk).count() == len(history)


def test_bulks_and_single_decisions_at_once(user: User) -> None:
    """Bulks that lock the same rows in different orders do not block each other, and no decision is lost."""
    made = [make_conversation(by=user, status=Status.PENDING_REVIEW) for _ in range(12)]
    ids = [row.pk for row in made]
    actions = [BulkAction.APPROVE, BulkAction.REJECT, BulkAction.NEEDS_REVISION]

    def decide(number: int) -> Any:
        order = ids if number % 2 else ids[::-1]
        rows = Conversation.objects.visible_to(user)
        return decide_chosen(rows, order, actions[number % 3], by=user).changed

    answers = race(decide, 12)
    assert all(isinstance(answer, int) for answer in answers), answers
    assert Decision.objects.count() == sum(answers)
    for row in made:
        row.refresh_from_db()
        assert row.revision == row.decisions.count()


def make_clients(user: User) -> list[Client]:
    token = make_token(user=user)
    return [Client(headers={"authorization": f"Bearer {token}"}) for _ in range(PEOPLE)]
