"""A draft's plan: changed by compare-and-swap, started once, tried with three items, discarded."""

from decimal import Decimal
from typing import Any

import pytest

from batches.actions import drafts
from batches.actions.filling import fill_gaps
from batches.actions.jobs import start_batch
from batches.actions.starting import price, spread, start_draft, try_first
from batches.models import BatchItem, BatchJob
from batches.models.states import ErrorHandling, ItemStatus, JobStatus, Priority
from batches.planning.coverage import count_coverage
from batches.planning.freezing import read_plan
from batches.planning.plan import PlanError
from batches.planning.recipe import plan_from
from batches.web.plans.plan_page import count_repeats, mark_repeats
from lib.stale_state import StaleState
from tests.factories import make_conversation, make_template
from workspaces.models import RequestKey, User

pytestmark = pytest.mark.django_db


def draft_of(owner: User, *, per_cell: int = 1, **fields: Any) -> BatchJob:
    """A matrix of 3 personas and 2 emotions."""
    template = make_template(workspace=owner.personal_workspace())
    recipe = {
        "kind": "matrix",
        "template": str(template.pk),
        "matrix": {
            "axes": [
                {"name": "persona", "values": ["Nurse", "Farmer", "Gig Worker"]},
                {"name": "emotion", "values": ["calm", "ashamed"]},
            ],
            "perCell": per_cell,
        },
        "values": {"topic": "rent"},
        **fields,
    }
    plan = plan_from(recipe, owner.personal_workspace(), by=owner)
    return drafts.save_draft(
        workspace=owner.personal_workspace(), plan=plan, by=owner, name="Rent", recipe=recipe
    )


@pytest.fixture
def draft(owner: User) -> BatchJob:
    return draft_of(owner)


def order(job: BatchJob) -> list[str]:
    """Personas and emotions in the order of the plan; its places count from 1 without a gap."""
    items = list(job.items.order_by("position"))
    assert [item.position for item in items] == list(range(1, len(items) + 1))
    job.refresh_from_db()
    assert job.total_items == len(items)
    return [f"{item.parameters['persona'][0]}{item.parameters['emotion'][0]}" for item in items]


def ids(job: BatchJob) -> list[Any]:
    return list(job.items.order_by("position").values_list("pk", flat=True))


def settings_of(job: BatchJob, **fields: Any) -> dict[str, Any]:
    return {
        "revision": job.plan_revision,
        "name": job.name,
        "concurrency": 5,
        "error_handling": ErrorHandling.STOP,
        "priority": Priority.HIGH,
        "budget_usd": Decimal("9.5"),
        **fields,
    }


def test_a_draft_is_kept_and_nothing_is_taken(draft: BatchJob) -> None:
    assert (draft.status, draft.total_items, draft.plan_revision) == (JobStatus.DRAFT, 6, 1)
    assert order(draft) == ["Nc", "Na", "Fc", "Fa", "Gc", "Ga"]
    assert set(draft.items.values_list("conversation_id", "status")) == {("", ItemStatus.QUEUED)}


def test_remove_move_and_shuffle(draft: BatchJob, owner: User) -> None:
    keys = ids(draft)
    assert drafts.remove_items(draft, revision=1, ids=[keys[1], keys[4]], by=owner) == 2
    assert order(draft) == ["Nc", "Fc", "Fa", "Ga"]
    drafts.move_item(draft, revision=2, item_id=keys[0], to=3, by=owner)
    assert order(draft) == ["Fc", "Fa", "Nc", "Ga"]
    drafts.move_item(draft, revision=3, item_id=keys[5], to=-4, by=owner)
    assert order(draft) == ["Ga", "Fc", "Fa", "Nc"]
    drafts.move_item(draft, revision=4, item_id=keys[5], to=99, by=owner)
    assert order(draft) == ["Fc", "Fa", "Nc", "Ga"]
    drafts.shuffle(draft, revision=5, seed=3, by=owner)
    assert sorted(order(draft)) == ["Fa", "Fc", "Ga", "Nc"]
    assert (draft.plan_revision, draft.seed) == (6, 3)
    with pytest.raises(BatchItem.DoesNotExist):
        drafts.move_item(draft, revision=6, item_id=keys[1], to=1, by=owner)
    draft.refresh_from_db()
    assert draft.plan_revision == 6


def test_the_same_shuffle_gives_the_same_order(owner: User) -> None:
    one, other = draft_of(owner, per_cell=3), draft_of(owner, per_cell=3)
    for job in (one, other):
        drafts.shuffle(job, revision=1, seed=11, by=owner)
    assert order(one) == order(other)


def test_two_tabs_do_not_overwrite_each_other(draft: BatchJob, owner: User) -> None:
    tab = BatchJob.objects.get(pk=draft.pk)
    drafts.remove_items(draft, revision=1, ids=ids(draft)[:1], by=owner)
    with pytest.raises(drafts.PlanMoved) as moved:
        drafts.remove_items(tab, revision=1, ids=ids(draft)[:1], by=owner)
    assert moved.value.revision == 2
    with pytest.raises(drafts.PlanMoved, match="another tab"):
        start_draft(tab, by=owner, **settings_of(tab, revision=1))
    with pytest.raises(drafts.PlanMoved):
        try_first(tab, revision=1, by=owner)
    assert len(order(draft)) == 5
    assert BatchJob.objects.count() == 1


def test_an_edited_item(draft: BatchJob, owner: User) -> None:
    (first, second, *_) = ids(draft)
    before = draft.items.get(pk=first).prompt_hash
    twin = draft.items.get(pk=second)
    fields = {"parameters": twin.parameters, "details": twin.details}
    drafts.edit_item(draft, revision=1, item_id=first, fields=fields, by=owner)
    assert draft.items.get(pk=first).prompt_hash == twin.prompt_hash != before
    assert count_repeats(draft) == 1
    marks = [mark for _, mark in mark_repeats(draft, list(draft.items.order_by("position")))]
    assert [mark.first for mark in marks] == [None, 1, None, None, None, None]
    assert drafts.remove_repeats(draft, revision=2, by=owner) == 1
    assert order(draft) == ["Na", "Fc", "Fa", "Gc", "Ga"]


def test_what_has_been_made_before_is_marked(owner: User) -> None:
    first = draft_of(owner, diversity=False)
    done = start_draft(first, by=owner, **settings_of(first))
    item = done.items.get(position=1)
    BatchItem.objects.filter(pk=item.pk).update(status=ItemStatus.COMPLETED)
    made = make_conversation(item=BatchItem.objects.get(pk=item.pk))
    other = draft_of(owner, diversity=False)
    BatchItem.objects.filter(job=other).update(template_version=item.template_version)
    plain = mark_repeats(other, list(other.items.order_by("position")))
    assert [(mark.same, mark.alike) for _, mark in plain][:2] == [(made.pk, made.pk), (None, None)]
    varied = draft_of(owner)
    (_, mark), *_ = mark_repeats(varied, list(varied.items.order_by("position")))
    assert (mark.same, mark.alike) == (None, made.pk)


def test_gaps_are_filled(draft: BatchJob, owner: User) -> None:
    gone = list(draft.items.filter(parameters__emotion="ashamed").values_list("pk", flat=True))
    drafts.remove_items(draft, revision=1, ids=gone, by=owner)
    grid = count_coverage(draft, ("persona", "emotion"))
    assert (grid.covered, grid.gaps) == (3, 3)
    assert fill_gaps(draft, pair=("persona", "emotion"), revision=2, by=owner) == 3
    assert order(draft) == ["Nc", "Fc", "Gc", "Na", "Fa", "Ga"]
    assert count_coverage(draft, ("persona", "emotion")).gaps == 0
    assert count_coverage(draft, ("tier", "topic")).covered == 1
    assert fill_gaps(draft, pair=("persona", "emotion"), revision=3, by=owner) == 0


def test_a_draft_starts_once(draft: BatchJob, owner: User) -> None:
    tab = BatchJob.objects.get(pk=draft.pk)
    job = start_draft(draft, by=owner, **settings_of(draft))
    again = start_draft(tab, by=owner, **settings_of(tab))
    assert job == again
    assert (again.status, again.priority, again.error_handling) == (JobStatus.QUEUED, Priority.HIGH, "stop")
    assert (again.budget_usd, again.concurrent_processing) == (Decimal("9.5"), 5)
    assert again.estimate["items"] == 6
    names = list(job.items.order_by("position").values_list("conversation_id", flat=True))
    assert names[:3] == ["fp_nurse_001", "fp_nurse_002", "fp_farmer_001"]
    with pytest.raises(StaleState):
        drafts.remove_items(again, revision=again.plan_revision, ids=[], by=owner)
    with pytest.raises(StaleState):
        drafts.discard(again, by=owner)


def test_a_started_draft_is_the_batch_that_would_have_been_started(draft: BatchJob, owner: User) -> None:
    straight = start_batch(
        workspace=draft.workspace, plan=read_plan(draft), by=owner, name="straight", budget_usd=Decimal(9)
    )
    job = start_draft(draft, by=owner, **settings_of(draft))
    columns = ("position", "topic", "tier", "parameters", "details", "category", "template_version")
    assert list(job.items.values_list(*columns)) == list(straight.items.values_list(*columns))


def test_a_budget_that_covers_no_call_starts_nothing(draft: BatchJob, owner: User) -> None:
    with pytest.raises(PlanError, match="does not cover one call"):
        start_draft(draft, by=owner, **settings_of(draft, budget_usd=Decimal("0.001")))
    draft.refresh_from_db()
    assert draft.status == JobStatus.DRAFT


def test_problems_are_kept_with_their_places(draft: BatchJob, owner: User) -> None:
    BatchItem.objects.filter(job=draft, position=2).update(parameters={"persona": "Nurse"})
    found = price(draft)
    assert found["problem_count"] == 1
    assert found["problems"][0][:2] == [2, "topic"]
    with pytest.raises(PlanError):
        start_draft(draft, by=owner, **settings_of(draft))


def test_the_price_is_made_once(draft: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    first = price(draft)
    assert Decimal(first["cost_low"]) < Decimal(first["cost"])
    monkeypatch.setattr("batches.actions.starting.estimate_now", lambda *_, **__: pytest.fail("made again"))
    assert price(BatchJob.objects.get(pk=draft.pk))["cost"] == first["cost"]


def test_three_are_tried_and_leave_the_plan(owner: User) -> None:
    place = owner.personal_workspace()
    recipe = {"kind": "starter"}
    plan = plan_from(recipe, place, by=owner)
    draft = drafts.save_draft(workspace=place, plan=plan, by=owner, name="All", recipe=recipe)
    trial = try_first(draft, revision=1, by=owner, idempotency_key=RequestKey(key="t"))
    again = try_first(draft, revision=1, by=owner, idempotency_key=RequestKey(key="t"))
    assert trial == again
    assert (trial.status, trial.total_items, trial.trial_of) == (JobStatus.QUEUED, 3, draft)
    assert list(trial.items.order_by("position").values_list("tier", flat=True)) == [
        "template",
        "scenario",
        "edge_case",
    ]
    assert all(trial.items.values_list("conversation_id", flat=True))
    draft.refresh_from_db()
    assert (draft.total_items, draft.plan_revision, draft.items.count()) == (87, 2, 87)
    job = start_draft(draft, by=owner, **settings_of(draft))
    names = set(job.items.values_list("conversation_id", flat=True))
    assert len(names | set(trial.items.values_list("conversation_id", flat=True))) == 90


def test_a_plan_of_three_is_not_tried(draft: BatchJob, owner: User) -> None:
    drafts.remove_items(draft, revision=1, ids=ids(draft)[:3], by=owner)
    with pytest.raises(PlanError):
        try_first(draft, revision=2, by=owner)


def test_spread() -> None:
    assert spread(["a", "a", "b", "a", "c"], 3) == [0, 2, 4]
    assert spread(["a", "a", "b", "a"], 3) == [0, 1, 2]
    assert spread(["a"], 3) == [0]


def test_discarded_for_good(draft: BatchJob, owner: User) -> None:
    drafts.discard(draft, by=owner)
    assert drafts.discard(draft, by=owner).status == JobStatus.CANCELLED
    assert set(draft.items.values_list("status", flat=True)) == {ItemStatus.CANCELLED}
    with pytest.raises(StaleState):
        start_draft(draft, by=owner, **settings_of(draft))
    with pytest.raises(StaleState):
        try_first(draft, revision=draft.plan_revision, by=owner)
