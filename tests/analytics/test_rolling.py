"""The numbers by day are what the rows say: after random changes, after deletions, and whichever pass looks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.models import Count, F, Model, Q, Sum
from django.db.models.functions import TruncDate

from analytics.invariants import find_wrong_days
from analytics.models import DailyCalls, DailyConversations, DailyDecisions, DailyPersonas, StaleDay
from analytics.rolling import (
    OVERLAP,
    ROLLING_LOCK,
    TABLES,
    RollUps,
    find_changed,
    make_rolling,
    replace,
    roll_up,
)
from batches.actions import duties
from batches.actions.duties import DutyLane
from batches.models import GenerationLog
from batches.models.states import LogState
from conversations.models import Conversation, Decision
from conversations.states import Status
from stack.postgres import WORKER
from tests import factories
from tests.support.web_role import web_role
from workspaces.models import User

pytestmark = pytest.mark.django_db

LATE, NEXT = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """The time of the database. `now()` stands still in the transaction of a test."""

    def ask() -> datetime:
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            found: datetime = cursor.fetchone()[0]
            return found

    return ask


def made_at(row: Model, when: datetime) -> Any:
    type(row)._default_manager.filter(pk=row.pk).update(created_at=when)
    return row


def make_log(when: datetime, **fields: Any) -> GenerationLog:
    return made_at(factories.make_log(**{"state": LogState.SUCCEEDED, **fields}), when)  # type: ignore[no-any-return]


def decide(found: Conversation, *, when: datetime, **fields: Any) -> Decision:
    """Only the row: rows of decisions keep their times."""
    given = {
        "from_status": Status.GENERATED,
        "to_status": Status.APPROVED,
        "who_name": "a@b.example",
        "revision": 1,
    }
    return Decision.objects.create(
        conversation=found, workspace=found.workspace, created_at=when, **{**given, **fields}
    )


def contents() -> dict[str, list[tuple[Any, ...]]]:
    """All numbers, without the keys and times that each pass gives anew."""
    found = {}
    for model in (DailyCalls, DailyConversations, DailyPersonas, DailyDecisions):
        names = [
            each.attname for each in model._meta.concrete_fields if each.name not in ("id", "computed_at")
        ]
        found[model.__name__] = sorted(model.objects.values_list(*names), key=str)
    return found


def days_of_rows(model: type[Model], **numbers: Any) -> dict[tuple[Any, Any], dict[str, Any]]:
    """Counted by Django from the rows themselves: (workspace, day) to numbers."""
    rows: Any = model._default_manager.annotate(made_on=TruncDate("created_at", tzinfo=UTC))
    rows = rows.filter(is_head=True) if model is Conversation else rows
    rows = rows.filter(undoes=None) if model is Decision else rows
    found = rows.order_by().values("workspace", "made_on").annotate(**numbers)
    return {(each.pop("workspace"), each.pop("made_on")): each for each in found}


def days_of_sums(model: type[Model], **numbers: Any) -> dict[tuple[Any, Any], dict[str, Any]]:
    found = model._default_manager.order_by().values("workspace", "day").annotate(**numbers)
    return {(each.pop("workspace"), each.pop("day")): each for each in found}


def check_sums() -> None:
    assert days_of_sums(
        DailyCalls, n=Sum("calls"), cost=Sum("cost_usd"), read=Sum("input_tokens")
    ) == days_of_rows(GenerationLog, n=Count("pk"), cost=Sum("cost_usd"), read=Sum("input_tokens"))
    assert days_of_sums(DailyPersonas, n=Sum("conversations"), yes=Sum("approved")) == days_of_rows(
        Conversation, n=Count("pk"), yes=Count("pk", filter=Q(status=Status.APPROVED))
    )
    statuses = {each: Q(status=each) for each in Status.values}
    assert days_of_sums(
        DailyConversations,
        n=Sum("scored"),
        score=Sum("score_sum"),
        **{f"n_{name}": Sum("conversations", filter=when, default=0) for name, when in statuses.items()},
    ) == days_of_rows(
        Conversation,
        n=Count("quality_score"),
        score=Sum("quality_score", default=Decimal(0)),
        **{f"n_{name}": Count("pk", filter=when) for name, when in statuses.items()},
    )
    assert days_of_sums(DailyDecisions, n=Sum("decisions"), undone=Sum("undone")) == days_of_rows(
        Decision, n=Count("pk"), undone=Count("undone_by")
    )


# --- random changes --------------------------------------------------------------------------------------


class Changes:
    """Random changes of rows over a few days of two workspaces."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.users = [factories.make_user(), factories.make_user()]
        self.items = [factories.make_item(job=factories.make_job(by=user)) for user in self.users]

    def make(self) -> None:
        getattr(self, self.random.choice(["log", "finish", "talk", "score", "decide", "undo", "delete"]))()

    def when(self) -> datetime:
        return self.random.choice([LATE, NEXT, NEXT + timedelta(days=3)])

    def some(self, model: type[Model], **fields: Any) -> Any:
        rows = list(model._default_manager.filter(**fields).order_by("created_at", "pk"))
        return self.random.choice(rows) if rows else None

    def log(self) -> None:
        make_log(
            self.when(),
            item=self.random.choice(self.items),
            state=LogState.PENDING,
            attempt=self.random.choice([1, 2]),
        )

    def finish(self) -> None:
        if log := self.some(GenerationLog):
            kind = self.random.choice(["", "overloaded"])
            changed = {"state": LogState.FAILED if kind else LogState.SUCCEEDED, "error_kind": kind}
            GenerationLog.objects.filter(pk=log.pk).update(
                cost_usd=Decimal(self.random.randrange(100)) / 1000,
                input_tokens=self.random.randrange(9),
                **changed,
            )

    def talk(self) -> None:
        made_at(
            factories.make_conversation(by=self.random.choice(self.users), status=Status.GENERATED, turns=2),
            self.when(),
        )

    def score(self) -> None:
        if found := self.some(Conversation):
            value = self.random.choice([None, Decimal("6.5"), Decimal("9.1")])
            Conversation.objects.filter(pk=found.pk).update(quality_score=value)

    def decide(self) -> None:
        if found := self.some(Conversation):
            to = self.random.choice([Status.APPROVED, Status.REJECTED])
            decide(found, when=self.when(), to_status=to, revision=Decision.objects.count() + 1)

    def undo(self) -> None:
        if found := self.some(Decision, undoes=None, undone_by=None):
            decide(found.conversation, when=self.when(), undoes=found, revision=Decision.objects.count() + 1)

    def delete(self) -> None:
        if found := self.some(Conversation):
            found.delete()


@pytest.mark.parametrize("seed", range(4))
def test_after_random_changes_a_pass_finds_what_counting_anew_finds(
    seed: int, clock: Callable[[], datetime]
) -> None:
    changes, since = Changes(seed), None
    for _ in range(12):
        for _ in range(changes.random.randrange(6)):
            changes.make()
        began = clock()
        with connection.cursor() as cursor:
            replace(cursor, find_changed(cursor, since=since))
        since = began
        check_sums()
        assert wrong_days(clock()) == []
    by_changes = contents()
    roll_up(everything=True)
    assert contents() == by_changes
    assert any(by_changes.values())


# --- single rules ----------------------------------------------------------------------------------------


def test_a_day_ends_at_midnight_in_utc(owner: User) -> None:
    item = factories.make_item(job=factories.make_job(by=owner))
    make_log(LATE, item=item, cost_usd=Decimal("0.1"))
    make_log(NEXT, item=item, cost_usd=Decimal("0.2"))
    roll_up()
    assert list(DailyCalls.objects.order_by("day").values_list("day", "cost_usd")) == [
        (LATE.date(), Decimal("0.1")),
        (NEXT.date(), Decimal("0.2")),
    ]


def test_only_days_that_have_changed_are_counted(owner: User, clock: Callable[[], datetime]) -> None:
    item = factories.make_item(job=factories.make_job(by=owner))
    old, new = make_log(LATE, item=item), make_log(NEXT, item=item)
    roll_up()
    since = clock()
    GenerationLog.objects.filter(pk=new.pk).update(cost_usd=1)
    with connection.cursor() as cursor:
        assert find_changed(cursor, since=since) == [(old.workspace_id, NEXT.date())]
        assert find_changed(cursor, since=clock()) == []


def test_a_pass_looks_back_further_than_the_last_one(owner: User) -> None:
    """What was changed before it and committed after it."""
    make_log(LATE, item=factories.make_item(job=factories.make_job(by=owner)))
    roll_up()
    DailyCalls.objects.update(calls=7, computed_at=F("computed_at") + OVERLAP / 2)
    assert roll_up()
    assert DailyCalls.objects.get().calls == 1
    DailyCalls.objects.update(calls=7, computed_at=F("computed_at") + OVERLAP + timedelta(minutes=1))
    assert roll_up() == []
    roll_up(everything=True)
    assert DailyCalls.objects.get().calls == 1


def test_what_was_deleted_is_counted_no_more(owner: User) -> None:
    made = made_at(factories.make_conversation(by=owner), LATE)
    decide(made, when=NEXT, on_behalf_of="Maria")
    roll_up()
    assert DailyConversations.objects.get().day == LATE.date()
    assert DailyDecisions.objects.get().reviewer == "Maria"
    Conversation.objects.get(pk=made.pk).delete()
    assert StaleDay.objects.exists()
    roll_up()
    assert not StaleDay.objects.exists()
    assert not DailyConversations.objects.exists()
    assert not DailyDecisions.objects.exists()


def test_numbers_that_no_row_stands_for_go_with_the_next_whole_pass(owner: User) -> None:
    DailyConversations.objects.create(
        workspace=owner.personal_workspace(),
        day=LATE.date(),
        computed_at=LATE,
        simulated=True,
        status=Status.APPROVED,
        conversations=1,
        scored=0,
        score_sum=0,
    )
    RollUps().look()
    assert not DailyConversations.objects.exists()


@pytest.mark.parametrize("model", [DailyCalls, DailyConversations, DailyDecisions])
def test_a_wrong_number_is_found_reported_and_put_right(
    model: type[Model], owner: User, clock: Callable[[], datetime], caplog: pytest.LogCaptureFixture
) -> None:
    item = factories.make_item(job=factories.make_job(by=owner))
    make_log(LATE, item=item)
    decide(made_at(factories.make_conversation(by=owner), LATE), when=LATE)
    roll_up()
    assert wrong_days(clock()) == []
    right, rows = contents(), model._default_manager
    rows.all().delete()
    assert wrong_days(clock()) == [(model._meta.db_table, item.workspace_id, LATE.date())]
    assert wrong_days(LATE) == []  # it was changed later than that, so it may still be counted
    for each in (DailyCalls, DailyConversations, DailyDecisions):
        each.objects.update(computed_at=clock() + 2 * OVERLAP)
    RollUps().look()
    assert "computed anew" in caplog.text
    assert contents() == right


def wrong_days(settled: datetime) -> list[Any]:
    with connection.cursor() as cursor:
        return list(find_wrong_days(cursor, settled=settled))


def test_one_process_at_a_time(owner: User) -> None:
    make_log(LATE, item=factories.make_item(job=factories.make_job(by=owner)))
    with another_holds_the_lock():
        assert roll_up(everything=True) == []
    assert roll_up(everything=True)


@contextmanager
def another_holds_the_lock() -> Iterator[None]:
    parameters = connection.get_connection_params()
    wanted = {
        name: parameters[name]
        for name in ("dbname", "user", "password", "host", "port")
        if name in parameters
    }
    with psycopg.connect(**wanted) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [ROLLING_LOCK])
        yield


def test_a_worker_may_do_it_for_all_workspaces() -> None:
    """The dispatcher asks as `lorapipe_worker`."""
    for _ in range(2):
        made = made_at(factories.make_conversation(by=factories.make_user()), LATE)
        decide(made, when=LATE)
    with web_role(WORKER):
        roll_up()
        made.delete()
        assert roll_up()
        RollUps().look()
        assert DailyConversations.objects.count() == DailyDecisions.objects.count() == 1


def test_each_dispatcher_does_it() -> None:
    assert make_rolling in duties._DUTIES


def test_a_round_of_duties_holds_up_nobody_and_is_begun_once(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), []

    def take_long() -> None:
        begun.set()
        may_end.wait(60)
        ended.append(True)
        raise ValueError("the next round does it again")

    monkeypatch.setattr(duties, "_DUTIES", [lambda: take_long])
    lane = DutyLane()
    lane.begin()
    assert begun.wait(60)
    lane.begin()
    may_end.set()
    lane.end()
    assert ended == [True]


def test_every_table_is_replaced() -> None:
    assert {*TABLES} == {
        each._meta.db_table for each in (DailyCalls, DailyConversations, DailyPersonas, DailyDecisions)
    }
