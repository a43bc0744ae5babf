"""A plan is checked prompt by prompt: none is kept, and what all of them may have together is bounded."""

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from batches.actions.drafts import append, save_draft
from batches.planning import checking
from batches.planning.checking import find_problems, size_problems
from batches.planning.estimate.estimate import estimate_now
from batches.planning.plan import PlanError, PlannedItem
from claude.messages import Request
from tests.factories import PLAIN_VARIABLES, make_template
from workspaces.models import User

pytestmark = pytest.mark.django_db


def make_plan(
    owner: User, count: int, *, prompt: str = "About {{topic}}.", **values: Any
) -> list[PlannedItem]:
    template = make_template(workspace=owner.personal_workspace(), text=prompt, variables=PLAIN_VARIABLES)
    version = template.versions.get()
    return [
        PlannedItem(
            position=place,
            tier=template.tier,
            version=version,
            topic="rent",
            parameters={"topic": f"rent {place:04d}", **values},
        )
        for place in range(1, count + 1)
    ]


def refuse(work: Callable[[], Any]) -> list[str]:
    with pytest.raises(PlanError) as refused:
        work()
    return [str(each) for each in refused.value.problems]


def test_an_estimate_holds_one_prompt_at_a_time(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    living: list[weakref.ref[Request]] = []
    most = 0
    render = PlannedItem.request

    def request(item: PlannedItem, **given: Any) -> Request:
        nonlocal most
        most = max(most, sum(each() is not None for each in living))
        made = render(item, **given)
        living.append(weakref.ref(made))
        return made

    monkeypatch.setattr(PlannedItem, "request", request)
    found = estimate_now(make_plan(owner, 30))
    gc.collect()
    assert found.items == len(living) == 30
    assert most <= 1
    assert not any(each() for each in living)


def test_prompts_that_are_too_long_together_are_refused_where_they_are(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has 16 characters. Those behind the sixth are not rendered."""
    monkeypatch.setattr(checking, "MOST_PROMPTS", 100)
    plan = make_plan(owner, 8)
    assert estimate_now(plan[:6]).items == 6
    plan[-1] = replace(plan[-1], parameters={"nonsense": "x"})
    [problem] = refuse(lambda: estimate_now(plan))
    assert "more than 100 characters together: they pass that with item 7" in problem
    assert "Split the plan into several batches, or shorten the template or the values." in problem


def test_a_value_that_no_prompt_uses_counts_too(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stored with every item."""
    monkeypatch.setattr(checking, "MOST_VALUES", 1_000)
    plan = make_plan(owner, 9, persona="p" * 100)
    said = "The values of this plan have 1,090 characters; at most 1,000 fit into one batch. Split it, "
    for work in (
        lambda: estimate_now([*plan, plan[0]]),
        lambda: save_draft(
            workspace=owner.personal_workspace(), plan=[*plan, plan[0]], by=owner, name="", recipe={}
        ),
    ):
        [problem] = refuse(work)
        assert problem.startswith(said)
    assert size_problems(plan) == []


def test_what_a_plan_has_already_counts_when_it_grows(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(owner, 6, persona="p" * 100)
    job = save_draft(workspace=owner.personal_workspace(), plan=plan, by=owner, name="", recipe={})
    monkeypatch.setattr(checking, "MOST_VALUES", 1_000)
    [problem] = refuse(lambda: append(job, revision=1, items=plan, by=owner))
    assert "at most 1,000 fit into one batch" in problem
    append(job, revision=1, items=plan[:1], by=owner)
    assert job.total_items == 7


def test_a_plan_with_too_many_problems_is_not_read_to_its_end(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "MOST_FOUND", 3)
    plan = [replace(item, parameters={"nonsense": "x"}) for item in make_plan(owner, 9)]
    found = [str(each) for each in find_problems(plan, model="any", max_tokens=1)]
    assert found[-1] == "The items from 3 on were not looked at."
    assert len(found) == 5, "two problems of each item: an unknown name, and no topic"


def test_a_form_and_the_api_list_twenty_problems_and_count_the_others(client: Client, owner: User) -> None:
    client.force_login(owner)
    template = make_template(workspace=owner.personal_workspace(), name="Plain")
    rows = "".join(f"rent,{'x' * number}\x01\n" for number in range(30))
    file = SimpleUploadedFile("rows.csv", f"topic,persona\n{rows}".encode())
    page = client.post(
        "/batches/new/csv/",
        {"file": file, "tier": "template", "csv_template": "Plain", "idempotency_key": "a"},
    )
    assert page.status_code == 422
    assert "... and 10 more problems." in page.text
    assert page.text.count("column persona") == 20
    items = [{"topic": "rent", "parameters": {"persona": f"{'x' * number}\x01"}} for number in range(30)]
    answer = client.post(
        "/api/conversations/generate-batch",
        {"name": "n", "templateId": str(template.pk), "items": items},
        content_type="application/json",
    ).json()
    assert "(and 29 more)" in answer["error"]
    assert len(answer["details"]) == 20
