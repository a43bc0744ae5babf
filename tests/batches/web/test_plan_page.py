"""The page of a plan, and what can be done on it, as a browser without script sends it."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from batches.models import BatchItem, BatchJob
from batches.models.states import JobStatus
from lib.amounts import format_number
from tests.batches.actions.test_drafts import draft_of, ids, order
from tests.factories import make_member, make_user
from workspaces.models import AuditEntry, Membership, User

pytestmark = pytest.mark.django_db
# Two of them are the month and the pace of the provider, on which the stored estimate rests, and three what the judge would
# cost: the rubric, what earlier judgements took, and the month.
QUERIES = 32


@pytest.fixture
def draft(client: Client, owner: User) -> BatchJob:
    client.force_login(owner)
    return draft_of(owner)


def change(client: Client, job: BatchJob, do: str, *, query: str = "", **fields: Any) -> Any:
    job.refresh_from_db()
    given = {"do": do, "revision": job.plan_revision, **fields}
    return client.post(f"/batches/{job.pk}/plan/change/{query}", given)


def run(job: BatchJob, **fields: Any) -> dict[str, Any]:
    job.refresh_from_db()
    return {
        "action": "start",
        "revision": job.plan_revision,
        "name": "Rent, all",
        "concurrency": "4",
        "error_handling": "continue",
        "priority": "1",
        "budget": "3.50",
        "idempotency_key": "key",
        **fields,
    }


def test_what_the_page_says(client: Client, draft: BatchJob) -> None:
    page = client.get(f"/batches/{draft.pk}/plan/")
    assert page.context["page"].total == "6"
    assert "6 conversations: 6 template" in page.text
    assert re.search(r"Start, spend up to <span [^>]*>\$\d", page.text)
    assert (page.context["grid"].covered, page.context["grid"].gaps) == (6, 0)
    assert client.get(f"/batches/{draft.pk}/").headers["Location"] == f"/batches/{draft.pk}/plan/"


def test_the_judge_is_a_box_whose_cost_is_in_the_amount_of_the_button(
    client: Client, draft: BatchJob
) -> None:
    page, start = f"/batches/{draft.pk}/plan/", f"/batches/{draft.pk}/plan/start/"
    plain = client.get(page).context
    assert not plain["form"]["judge"].value()
    assert plain["spend_up_to"] == Decimal(plain["estimate"]["default_budget"])
    client.post(start, run(draft, action="save", judge="on"))
    ticked = client.get(page)
    assert ticked.context["form"]["judge"].value()
    most = ticked.context["judged"].default_budget
    assert ticked.context["spend_up_to"] == Decimal(ticked.context["estimate"]["default_budget"]) + most
    assert f'data-beside="{most}"' in ticked.text
    client.post(start, run(draft, action="save"))
    draft.refresh_from_db()
    assert draft.judge_budget_usd is None
    changes = AuditEntry.objects.filter(action="change", target_id=draft.pk)
    assert [each.after for each in changes.order_by("created_at")] == [
        {"judge_budget_usd": format_number(most)},
        {"judge_budget_usd": None},
    ]
    client.post(start, run(draft, judge="on"))
    draft.refresh_from_db()
    assert (draft.status, draft.judge_budget_usd) == (JobStatus.QUEUED, most)
    started = AuditEntry.objects.get(action="start", target_id=draft.pk)
    assert started.after["judge_budget_usd"] == format_number(most)


def test_the_number_of_queries_does_not_grow(
    client: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(owner)
    job = draft_of(owner, per_cell=30)
    address = f"/batches/{job.pk}/plan/"
    client.get(address)
    with django_assert_max_num_queries(QUERIES):
        page = client.get(address)
    assert len(page.context["rows"]) == 50
    assert len(client.get(f"{address}?page=4").context["rows"]) == 30


def test_rows_move_and_the_focus_stays(client: Client, draft: BatchJob) -> None:
    key = ids(draft)[0]
    answer = change(client, draft, f"down:{key}")
    assert answer.headers["Location"] == f"/batches/{draft.pk}/plan/?at={key}&did=down#row-{key}"
    assert order(draft)[:2] == ["Na", "Nc"]
    page = client.get(answer.headers["Location"])
    assert re.search(rf'value="down:{key}"[^>]*autofocus', page.text)
    change(client, draft, "place", **{f"place-{key}": "6"})
    assert order(draft)[-1] == "Nc"
    change(client, draft, "place", **{f"place-{key}": "soon"})
    assert order(draft)[-1] == "Nc"


def test_ticked_rows_go_and_gaps_come_back(client: Client, draft: BatchJob) -> None:
    change(client, draft, "remove", item=[str(key) for key in ids(draft)[:2]])
    assert order(draft) == ["Fc", "Fa", "Gc", "Ga"]
    page = client.get(f"/batches/{draft.pk}/plan/")
    assert "Fill the 2 gaps" in page.text
    change(client, draft, "fill:persona-emotion")
    assert order(draft) == ["Fc", "Fa", "Gc", "Ga", "Nc", "Na"]
    change(client, draft, "shuffle", shuffle_seed="5")
    assert draft.items.count() == 6
    assert change(client, draft, "shuffle", shuffle_seed="x").status_code == 422
    assert change(client, draft, "remove").status_code == 302
    assert change(client, draft, "dance").status_code == 404
    assert change(client, draft, "up:nonsense").status_code == 409


def test_a_stale_change_is_409_and_changes_nothing(client: Client, draft: BatchJob) -> None:
    answer = change(client, draft, f"remove:{ids(draft)[0]}", revision=99)
    assert answer.status_code == 409
    assert "in another tab" in answer.text
    assert len(order(draft)) == 6


def item_form(job: BatchJob, **fields: Any) -> dict[str, Any]:
    values = {"value-topic": "rent", "value-persona": "Nurse", "value-emotion": "calm", "details": ""}
    return {**values, "revision": job.plan_revision, **fields}


def test_an_item_is_edited(client: Client, draft: BatchJob) -> None:
    key = ids(draft)[0]
    address = f"/batches/{draft.pk}/plan/{key}/"
    assert "setting: " in client.get(address).text
    given = item_form(draft, **{"value-topic": "tea & <b>", "details": "setting: at sea"})
    assert client.post(address, given).status_code == 302
    item = BatchItem.objects.get(pk=key)
    assert (item.topic, item.parameters["topic"], item.details) == (
        "tea & <b>",
        "tea & <b>",
        {"setting": "at sea"},
    )
    assert "tea &amp; &lt;b&gt;" in client.get(f"/batches/{draft.pk}/plan/").text
    prompt = client.get(f"{address}prompt/")
    assert "- setting: at sea" in prompt.text


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"value-topic": ""}, "value-topic"),
        ({"value-topic": "x" * 501}, "value-topic"),
        ({"value-persona": "a\0b"}, "value-persona"),
        ({"details": "nothing"}, "details"),
    ],
)
def test_problems_stand_at_the_field(
    client: Client, draft: BatchJob, fields: dict[str, str], place: str
) -> None:
    address = f"/batches/{draft.pk}/plan/{ids(draft)[0]}/"
    answer = client.post(address, item_form(draft, **fields))
    assert answer.status_code == 422
    assert answer.context["form"].errors[place]
    assert f'href="#id_{place}"' in answer.text


def test_a_stale_edit_shows_both(client: Client, draft: BatchJob) -> None:
    address = f"/batches/{draft.pk}/plan/{ids(draft)[0]}/"
    old = item_form(draft, **{"value-topic": "mine"})
    client.post(address, item_form(draft, **{"value-topic": "theirs"}))
    answer = client.post(address, old)
    assert answer.status_code == 409
    assert "mine" in answer.text
    assert re.search(r"Stored now:.*theirs", answer.text)
    again = {**old, "revision": answer.context["revision"]}
    assert client.post(address, again).status_code == 302
    assert BatchItem.objects.get(pk=ids(draft)[0]).topic == "mine"


def test_problems_are_listed_and_nothing_can_start(client: Client, draft: BatchJob) -> None:
    BatchItem.objects.filter(job=draft, position=3).update(parameters={})
    page = client.get(f"/batches/{draft.pk}/plan/")
    assert "1 problem to fix before it can start" in page.text
    assert '#position-3">Item 3</a>, topic' in page.text
    assert "Start, spend" not in page.text
    assert client.post(f"/batches/{draft.pk}/plan/start/", run(draft)).status_code == 422


def test_pressing_start_twice_spends_once(client: Client, draft: BatchJob) -> None:
    form = run(draft)
    first, second = (client.post(f"/batches/{draft.pk}/plan/start/", form) for _ in range(2))
    assert first["Location"] == second["Location"] == f"/batches/{draft.pk}/"
    draft.refresh_from_db()
    assert (draft.status, draft.name, draft.priority) == (JobStatus.QUEUED, "Rent, all", 1)
    assert str(draft.budget_usd) == "3.500000000"
    assert BatchJob.objects.count() == 1
    assert client.get(f"/batches/{draft.pk}/").status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"budget": "0.01"}, 422, "does not cover one call"),
        ({"concurrency": "9999"}, 422, "LORAPIPE_MAX_CONCURRENCY"),
        ({"priority": "7"}, 422, "valid choice"),
        ({"name": ""}, 422, "required"),
        ({"revision": "99"}, 409, "in another tab"),
    ],
)
def test_a_start_that_cannot_be(
    client: Client, draft: BatchJob, fields: dict[str, str], status: int, words: str
) -> None:
    answer = client.post(f"/batches/{draft.pk}/plan/start/", run(draft, **fields))
    assert answer.status_code == status
    assert words in answer.text
    draft.refresh_from_db()
    assert draft.status == JobStatus.DRAFT


def test_settings_are_saved_and_the_estimate_follows(client: Client, draft: BatchJob) -> None:
    client.post(f"/batches/{draft.pk}/plan/start/", run(draft, action="save", concurrency="2"))
    page = client.get(f"/batches/{draft.pk}/plan/")
    assert page.context["estimate"]["concurrency"] == 2
    assert "Rent, all" in page.text


def test_three_are_tried_once(client: Client, draft: BatchJob) -> None:
    form = run(draft, action="try")
    for _ in range(2):
        assert client.post(f"/batches/{draft.pk}/plan/start/", form).status_code == 302
    (trial,) = draft.trials.all()
    page = client.get(f"/batches/{draft.pk}/plan/")
    assert f"/batches/{trial.pk}/" in page.text
    assert page.context["page"].total == "3"
    assert "Try 3 first" not in page.text


def test_drafts_are_listed_continued_and_discarded(client: Client, draft: BatchJob) -> None:
    page = client.get("/batches/")
    assert f'href="/batches/{draft.pk}/plan/">continue' in page.text
    assert "6 planned conversations" in client.get(f"/batches/{draft.pk}/discard/").text
    assert client.post(f"/batches/{draft.pk}/discard/")["Location"] == "/batches/"
    draft.refresh_from_db()
    assert draft.status == JobStatus.CANCELLED
    assert client.get(f"/batches/{draft.pk}/plan/")["Location"] == f"/batches/{draft.pk}/"


def test_who_may_only_look(client: Client, draft: BatchJob) -> None:
    viewer = make_member(workspace=draft.workspace, user=make_user(), role=Membership.Role.VIEWER).user
    client.force_login(viewer)
    page = client.get(f"/batches/{draft.pk}/plan/")
    assert page.status_code == 200
    assert "Start, spend" not in page.text
    assert change(client, draft, "shuffle").status_code == 403
    assert client.post(f"/batches/{draft.pk}/plan/start/", run(draft)).status_code == 403
