from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from batches.models import BatchJob, PromptSize
from batches.models.states import JobStatus
from lib.amounts import format_amount
from tests.factories import make_user
from workspaces.models import User, Workspace

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
# At most these, however long the plan is: session, user, personal workspace, templates, scenarios and edge cases with
# their counts, the same plan started before, month, stated use; for the estimate workspace, month, history, limits, prompt
# sizes and (the first time) the wish for them; for the frame of the page: workspaces and running batch, workspaces and count.
QUERIES = 22  # one is the number of the review queue in the menu
PLAN = {"HX-Request": "true", "HX-Target": "form#plan"}


def form_of(client: Client, query: str = "") -> dict[str, Any]:
    """What a browser would send when nobody changes anything."""
    context = client.get(f"/{query}").context
    form = context["form"]
    return {
        "tier": form["tier"].value(),
        "limit": form["limit"].value() or "",
        "seed": form["seed"].value() or "",
        "concurrency": form["concurrency"].value(),
        "error_handling": form["error_handling"].value(),
        "budget": context["budget"],
        "offered_budget": context["offered_budget"],
        "offered_for": context["offered_for"],
        "name": "",
        "idempotency_key": form["idempotency_key"].value(),
    }


def test_the_first_items_of_each_tier_are_shown_and_all_when_asked(client: Client) -> None:
    page = client.get("/?limit=60")
    assert [len(group["shown"]) for group in page.context["groups"]] == [10, 10]
    assert "Show all 40 of the template tier" in page.text
    whole = client.get(page.context["whole_plan"])
    assert [len(group["shown"]) for group in whole.context["groups"]] == [40, 20]
    assert "Show all" not in whole.text
    assert '<input type="hidden" name="whole" value="on">' in whole.text


def test_the_whole_plan_with_its_price(client: Client, owner: User) -> None:
    page = client.get("/")
    assert [(group["tier"], len(group["rows"])) for group in page.context["groups"]] == [
        ("template", 40),
        ("scenario", 35),
        ("edge_case", 15),
    ]
    estimate = page.context["estimate"]
    assert estimate.cost_low < estimate.cost < estimate.cost_high <= estimate.default_budget
    assert (
        f'Start, spend up to <span data-amount-of="id_budget" class="num">${estimate.default_budget}'
        in page.text
    )
    assert not BatchJob.objects.exists()


def test_the_judge_is_off_and_its_cost_is_shown_before_it_is_ordered(client: Client, owner: User) -> None:
    plain = client.get("/?tier=edge_case&limit=3")
    assert plain.context["judged"] is None
    assert not plain.context["form"]["judge"].value()
    shown = client.get("/?tier=edge_case&limit=3&judge=on").context
    most = shown["judged"].default_budget
    assert shown["spend_up_to"] == shown["estimate"].default_budget + most
    given = {**form_of(client, "?tier=edge_case&limit=3"), "judge": "on", "action": "start"}
    refused = client.post("/", given)
    assert (refused.status_code, refused.context["judged"].default_budget) == (422, most)
    assert f"The judge may spend up to ${most} beside this plan." in refused.text
    assert not BatchJob.objects.exists()
    client.post("/", {**given, "offered_judge": most})
    job = BatchJob.objects.get()
    assert (job.judge_budget_usd, job.budget_usd) == (most, shown["estimate"].default_budget)


def test_without_the_box_no_judge_follows(client: Client) -> None:
    client.post("/", {**form_of(client, "?limit=1"), "action": "start", "offered_judge": "5"})
    assert BatchJob.objects.get().judge_budget_usd is None


def test_a_link_shows_a_part_of_the_plan(client: Client, owner: User) -> None:
    context = client.get("/?tier=edge_case&limit=3&seed=7").context
    again = client.get("/?tier=edge_case&limit=3&seed=7").context
    topics = [row["item"].topic for group in context["groups"] for row in group["rows"]]
    assert len(topics) == context["count"] == 3
    assert topics == [row["item"].topic for group in again["groups"] for row in group["rows"]]


def test_start_makes_the_job_that_was_shown(client: Client, owner: User) -> None:
    answer = client.post(
        "/", {**form_of(client, "?tier=template&limit=3"), "budget": "1.25", "action": "start"}
    )
    job = BatchJob.objects.get()
    assert answer["Location"] == f"/batches/{job.pk}/"
    assert (job.total_items, job.tier, job.budget_usd, job.created_by) == (
        3,
        "template",
        Decimal("1.25"),
        owner,
    )
    assert job.name == "Starter plan, 3 conversations"
    assert job.error_handling == "continue"


def test_pressing_start_twice_makes_one_job(client: Client, owner: User) -> None:
    form = {**form_of(client, "?limit=2"), "action": "start"}
    first, second = client.post("/", form), client.post("/", form)
    assert first["Location"] == second["Location"]
    assert BatchJob.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tier": []}, "choose at least one"),
        ({"concurrency": "0"}, "greater than or equal to 1"),
        ({"concurrency": "9999"}, "LORAPIPE_MAX_CONCURRENCY"),
        ({"budget": "0.01"}, "does not cover one call"),
        ({"budget": "lots"}, "Enter a number"),
        ({"limit": "-3"}, "greater than or equal to 1"),
        ({"error_handling": "panic"}, "valid choice"),
        ({"name": "x" * 201}, "at most 200"),
    ],
)
def test_what_cannot_be_started_is_told_at_its_field(
    client: Client, owner: User, change: dict[str, Any], words: str
) -> None:
    answer = client.post("/", {**form_of(client, "?limit=2"), **change, "action": "start"})
    assert answer.status_code == 422
    assert words in answer.text
    assert "problem" in answer.text
    assert not BatchJob.objects.exists()


def test_an_untouched_budget_follows_the_plan(client: Client, owner: User) -> None:
    form = {**form_of(client), "limit": "3", "action": "update"}
    answer = client.post("/", form, headers=PLAN)
    assert answer.context["budget"] == answer.context["offered_budget"]
    assert answer.context["budget"] < Decimal(str(form["budget"]))


def test_a_budget_of_ones_own_stays(client: Client, owner: User) -> None:
    form = {**form_of(client), "budget": "5", "limit": "3", "action": "update"}
    assert client.post("/", form, headers=PLAN).context["budget"] == "5"


def test_a_budget_that_was_typed_outlives_an_update_without_script(client: Client, owner: User) -> None:
    """Enter in the field updates the plan; the start that follows must still have the amount that was typed."""
    form = {**form_of(client, "?limit=3"), "budget": "1.25", "action": "update"}
    again = client.get(client.post("/", form)["Location"])
    assert again.context["budget"] == "1.25"
    assert again.context["spend_up_to"] == Decimal("1.25")


def test_the_start_offers_no_more_than_the_month_has_left(client: Client, owner: User) -> None:
    Workspace.objects.update(monthly_budget_usd=Decimal("0.75"))
    page = client.get("/")
    assert page.context["offered_budget"] == Decimal("0.75")
    assert 'data-at-most="0.75' in page.text
    form = {**form_of(client), "budget": "5", "action": "update"}
    answer = client.post("/", form, headers=PLAN)
    assert answer.context["spend_up_to"] == Decimal("0.75")
    assert "covers about" in answer.text


def test_a_tight_budget_is_part_of_the_estimate(client: Client, owner: User) -> None:
    free = client.get("/?limit=20").context["estimate"]
    tight = client.get(f"/?limit=20&budget={free.cost + 2 * free.worst_item:.2f}").context["estimate"]
    assert tight.limited_by == "budget"
    assert tight.seconds > free.seconds


def test_a_change_gets_the_form_alone_and_the_address_of_the_plan(client: Client, owner: User) -> None:
    form = {**form_of(client), "tier": ["scenario"], "limit": "4", "action": "update"}
    answer = client.post("/", form, headers=PLAN)
    assert answer.text.lstrip().startswith("<form")
    assert answer["HX-Replace-Url"] == "/?tier=scenario&limit=4&concurrency=10&error_handling=continue"
    assert client.get(answer["HX-Replace-Url"]).context["count"] == 4


def test_without_script_an_update_is_a_redirect(client: Client, owner: User) -> None:
    form = {**form_of(client), "tier": ["scenario"], "action": "update"}
    answer = client.post("/", form)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/?tier=scenario&")


def test_the_prompt_is_the_one_that_would_be_sent(client: Client, owner: User) -> None:
    row = client.get("/?tier=scenario&limit=2").context["groups"][0]["rows"][1]
    page = client.get(row["preview"])
    asked = row["item"].request(
        model=settings.ENVIRONMENT.anthropic_model, max_tokens=settings.ENVIRONMENT.anthropic_max_tokens
    )
    assert page.context["asked"] == asked
    assert client.get("/plan/3/?tier=scenario&limit=2").status_code == 404


def test_missing_starter_templates_are_named_with_the_remedy(client: Client) -> None:
    client.force_login(make_user())
    page = client.get("/")
    assert page.status_code == 200
    assert "./run manage prepare" in page.text
    assert "Start, spend" not in page.text


def test_demo_mode_says_so(client: Client, owner: User) -> None:
    assert settings.DEMO
    page = client.get("/").text
    assert "a local stand-in for Claude replies" in page
    assert "flawed on purpose" in page


def test_queries(client: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(QUERIES):
        client.get("/")


# --- one amount, and no second start in silence -----------------------------------------------------


def test_the_amount_of_the_button_is_that_of_the_batch(client: Client, owner: User) -> None:
    form = {**form_of(client, "?limit=5"), "action": "start"}
    PromptSize.objects.all().delete()  # what the estimate rests on moves between the page and the start
    client.post("/", form)
    job = BatchJob.objects.get()
    assert job.budget_usd == Decimal(str(form["offered_budget"]))
    page = client.get(f"/batches/{job.pk}/").text
    assert f"limit ${job.budget_usd:.2f}" in page


def test_a_smaller_plan_than_the_button_showed_gets_its_own_amount(client: Client, owner: User) -> None:
    form = form_of(client)
    client.post("/", {**form, "limit": "40", "action": "start"})
    job = BatchJob.objects.get()
    assert job.total_items == 40
    assert job.budget_usd < Decimal(str(form["offered_budget"])) * Decimal("0.6")


def test_a_larger_plan_than_the_button_showed_is_shown_first(client: Client, owner: User) -> None:
    form = form_of(client, "?limit=3")
    answer = client.post("/", {**form, "limit": "40", "action": "start"})
    assert (answer.status_code, BatchJob.objects.exists()) == (422, False)
    assert "more than the button said" in answer.text
    shown = answer.context
    again = {**form, "limit": "40", "budget": shown["budget"], "action": "start"}
    again |= {"offered_budget": shown["offered_budget"], "offered_for": shown["offered_for"]}
    assert client.post("/", again).status_code == 302
    assert BatchJob.objects.get().budget_usd == shown["offered_budget"]


@pytest.mark.parametrize("amount", ["7.9", "7.90", "0.5", "12.3456"])
def test_the_limit_reads_the_same_in_field_button_and_batch(client: Client, owner: User, amount: str) -> None:
    form = {**form_of(client, "?limit=3"), "budget": amount}
    page = client.post("/", {**form, "action": "update"}, headers=PLAN).text
    written = format_amount(amount)
    assert f'class="num">${written}</span>' in page
    assert f'value="{written}"' in page
    client.post("/", {**form, "action": "start"})
    job = BatchJob.objects.get()
    assert f"limit ${written}" in client.get(f"/batches/{job.pk}/").text
    assert f'value="{written}"' in client.get(f"/batches/{job.pk}/change/").text


def test_a_plan_that_was_just_started_is_said_before_it_is_paid_again(client: Client, owner: User) -> None:
    form = {**form_of(client, "?limit=3"), "action": "start"}
    client.post("/", form)
    started = BatchJob.objects.get()
    page = client.get("/?limit=3").text
    assert "This plan was started" in page
    assert f'name="seen_start" value="{started.pk}"' in page
    assert "This plan was started" not in client.get("/?limit=4").text
    # From a page that was open before: it did not say so, so that nothing is paid.
    stale = {**form, "idempotency_key": "another"}
    answer = client.post("/", stale)
    assert (answer.status_code, BatchJob.objects.count()) == (422, 1)
    assert "Press again" in answer.text
    assert client.post("/", {**stale, "seen_start": str(started.pk)}).status_code == 302
    assert BatchJob.objects.count() == 2


def test_an_older_or_cancelled_start_is_not_said(client: Client, owner: User) -> None:
    client.post("/", {**form_of(client, "?limit=3"), "action": "start"})
    BatchJob.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert "This plan was started" not in client.get("/?limit=3").text
    BatchJob.objects.update(created_at=timezone.now(), status=JobStatus.CANCELLED)
    assert "This plan was started" not in client.get("/?limit=3").text


def test_another_order_is_the_same_plan(client: Client, owner: User) -> None:
    client.post("/", {**form_of(client, "?tier=edge_case&seed=7"), "action": "start"})
    assert "This plan was started" in client.get("/?tier=edge_case&seed=8").text


def test_what_cannot_be_used_is_in_no_link(signed_in: Client, starter_pack: None) -> None:
    """A seed of 80,000 letters came back in the link of each of the 90 rows: 14 megabytes."""
    for seed in ("x" * 2_000, " " * 2_000 + "7"):
        page = signed_in.post("/", {"action": "update", "seed": seed, "tier": "template"})
        assert len(signed_in.get("/", {"seed": seed}).content) < 200_000
        assert len(page.content) < 200_000
