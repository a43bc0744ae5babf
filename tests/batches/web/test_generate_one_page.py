"""The page of one conversation: its form, its preview and price, and the page of an item."""

import re
import time
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from batches.actions.jobs import cancel
from batches.engine.retry import fail, handle_error
from batches.models import BatchItem, BatchJob, Worker
from batches.models.states import ItemStatus, JobKind, JobStatus, Reason
from claude.errors import Busy
from conversations.models import Conversation
from templates_app.models import PromptTemplate
from templates_app.models.situations import OptionKind
from templates_app.text.rendering import Variable
from tests.factories import make_member, make_option, make_template, make_user, make_version
from tests.support.steps import claim_item, file_reply
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
PREVIEW = {"HX-Request": "true", "HX-Target": "div#seen"}
VARIABLES = (
    Variable("topic", help="What it is about."),
    Variable("tone", "dropdown", options=("warm", "cold"), default="warm"),
    Variable("age", "number", minimum=18, maximum=99, required=False),
    Variable("goals", "list", options=("save", "spend"), required=False),
    Variable("notes", "list", required=False),
)
# Session, user, workspaces; template, version, its workspace; the month; the same values started before.
PREVIEW_QUERIES = 9


@pytest.fixture
def template(owner: User, client: Client) -> PromptTemplate:
    client.force_login(owner)
    text = "About {{topic}}, {{tone}}, {{age ? 'grown up' : 'of any age'}}: {{goals}} {{notes}}"
    return make_template(workspace=owner.personal_workspace(), name="A mine", text=text, variables=VARIABLES)


def values(template: PromptTemplate, **given: Any) -> dict[str, Any]:
    named = {f"value-{name}": value for name, value in given.items() if name != "details"}
    return {"template": str(template.pk), "details": given.get("details", ""), **named}


def start(client: Client, template: PromptTemplate, key: str = "k", **given: Any) -> Any:
    sent = {**values(template, **given), "action": "generate", "idempotency_key": key}
    return client.post("/generate/", sent)


def test_a_field_for_each_variable(client: Client, template: PromptTemplate) -> None:
    page = client.get("/generate/", {"template": str(template.pk)}).text
    assert "What it is about." in page
    assert '<option value="">Default: warm</option>' in page
    assert 'type="number" step="any" id="value-age"' in page
    assert 'min="18" max="99"' in page
    assert 'type="checkbox" name="value-goals" value="save"' in page
    assert '<mark class="m-missing" data-of="topic"' in page
    assert "The price appears once all required values are filled in" in page


def test_generate_makes_a_job_of_one_item_once(client: Client, template: PromptTemplate) -> None:
    given: dict[str, Any] = {
        "topic": "R&D <b>",
        "age": "40",
        "goals": ["save", "spend"],
        "details": "setting: a bank\r\n",
    }
    for _ in range(2):
        answer = start(client, template, **given)
        item = BatchItem.objects.select_related("job").get()
        assert (answer.status_code, answer["Location"]) == (302, f"/items/{item.pk}/")
    assert (item.job.kind, item.status, item.details) == (JobKind.SINGLE, "queued", {"setting": "a bank"})
    assert item.parameters == {"topic": "R&D <b>", "age": "40", "goals": "save\nspend"}


def test_what_is_wrong_stands_at_its_field_and_nothing_starts(
    client: Client, template: PromptTemplate
) -> None:
    answer = start(client, template, age="7", details="no colon")
    assert answer.status_code == 422
    assert "line 1: write it as name: text" in answer.text
    answer = start(client, template, age="7")
    assert (answer.status_code, BatchJob.objects.count()) == (422, 0)
    assert "must be at least 18" in answer.text
    assert 'href="#value-topic"' in answer.text
    assert 'id="value-age" name="value-age" value="7"' in answer.text, "what was typed stays"


def test_the_preview_marks_what_is_filled_defaulted_and_missing(
    client: Client, template: PromptTemplate
) -> None:
    given = values(template, topic="<b>{{tone}} & co", details="place: {{topic}} <i>")
    answer = client.post("/generate/preview/", given, headers=PREVIEW)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert ">&lt;b&gt;{{tone}} &amp; co</mark>" in answer.text
    assert '<mark class="m-default" data-of="tone" title="default of tone">warm</mark>' in answer.text
    assert (
        '- place: <mark class="m-filled" data-of="place" title="place">{{topic}} &lt;i&gt;</mark>'
        in answer.text
    )
    assert re.search(r'missing</mark> <span class="num">0<', answer.text)
    assert "Generate, about $" in answer.text


def test_details_that_cannot_be_read_keep_the_last_preview(client: Client, template: PromptTemplate) -> None:
    given = values(template, topic="x", details="good: one\nbad")
    answer = client.post("/generate/preview/", given, headers=PREVIEW)
    assert (answer.status_code, answer["HX-Retarget"]) == (422, "#refused")
    assert "line 2: write it as name: text" in answer.text
    assert 'id="seen"' not in answer.text


def test_the_preview_takes_less_than_50_ms_and_few_queries(
    client: Client, template: PromptTemplate, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    given = values(template, topic="x" * 5000, details="place: here")
    client.post("/generate/preview/", given, headers=PREVIEW)
    with django_assert_max_num_queries(PREVIEW_QUERIES + 4):
        client.post("/generate/preview/", given, headers=PREVIEW)
    taken = []
    for _ in range(7):
        begun = time.perf_counter()
        client.post("/generate/preview/", given, headers=PREVIEW)
        taken.append(time.perf_counter() - begun)
    print(f"preview {min(taken) * 1000:.1f} ms")
    assert min(taken) < 0.25, "50 ms on a quiet machine"


def test_the_test_render_hands_its_values_over(client: Client, template: PromptTemplate) -> None:
    trial = client.get(f"/templates/{template.pk}/v/1/test/").text
    assert 'formaction="/generate/"' in trial
    page = client.post("/generate/", values(template, topic="from there")).text
    assert "from there</textarea>" in page
    assert not BatchJob.objects.exists()


def test_the_same_values_again(client: Client, template: PromptTemplate) -> None:
    start(client, template, topic="once", goals=["save"], details="place: here")
    item = BatchItem.objects.get()
    page = client.get("/generate/", {"from": str(item.pk)})
    assert "once</textarea>" in page.text
    assert "place: here</textarea>" in page.text
    assert 'value="save" checked' in page.text
    assert client.get("/generate/", {"from": "nonsense"}).status_code == 404
    foreign = make_user()
    client.force_login(foreign)
    assert client.get("/generate/", {"from": str(item.pk)}).status_code == 404
    assert client.get("/generate/", {"template": str(template.pk)}).status_code == 404


def test_without_any_template_it_says_what_is_needed(client: Client) -> None:
    client.force_login(make_user())
    assert "No template can be used" in client.get("/generate/").text


def test_a_month_without_room_is_said(client: Client, template: PromptTemplate) -> None:
    type(template.workspace).objects.update(monthly_budget_usd=Decimal("0.0001"))
    page = client.get("/generate/", {"template": str(template.pk)}).text
    assert "The month’s budget does not cover it" not in page, "not priced yet"
    page = client.post("/generate/preview/", values(template, topic="x"), headers=PREVIEW).text
    assert "The month’s budget does not cover it" in page


# --- an item ----------------------------------------------------------------------------------------------


@pytest.fixture
def item(client: Client, template: PromptTemplate) -> BatchItem:
    start(client, template, topic="a pension")
    found: BatchItem = BatchItem.objects.select_related("job").get()
    return found


def test_an_item_is_watched_until_it_is_a_conversation(
    client: Client, item: BatchItem, worker: Worker
) -> None:
    page = client.get(f"/items/{item.pk}/").text
    assert "Waiting for its turn" in page
    assert 'hx-trigger="every 1s' in page
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page
    claimed = claim_item(item.job, worker)
    assert "Claude is writing" in client.get(f"/items/{item.pk}/").text
    file_reply(claimed)
    made = Conversation.objects.get()
    assert client.get(f"/items/{item.pk}/")["Location"] == f"/conversations/{made.pk}/"
    live = {"HX-Request": "true", "HX-Target": "div#live"}
    assert client.get(f"/items/{item.pk}/", headers=live)["HX-Redirect"] == f"/conversations/{made.pk}/"
    assert client.get(f"/batches/{item.job_id}/")["Location"] == f"/items/{item.pk}/"
    shown = client.get(f"/conversations/{made.pk}/").text
    assert "generated on its own" in shown
    assert f"/generate/?from={item.pk}" in shown


def test_a_failure_shows_reason_words_request_and_price(
    client: Client, item: BatchItem, worker: Worker
) -> None:
    error = Busy("Overloaded.", kind="server_error", costs_attempt=True, request_id="req_77")
    BatchItem.objects.update(attempt=2)
    handle_error(claim_item(item.job, worker), error)
    page = client.get(f"/items/{item.pk}/").text
    for words in ("Error at the provider", "Overloaded.", "req_77", "Retry, about $"):
        assert words in page, words
    assert "every 1s" not in page
    sent = {"idempotency_key": "again"}
    assert client.post(f"/items/{item.pk}/retry/", sent)["Location"] == f"/items/{item.pk}/"
    item.refresh_from_db()
    assert (item.status, item.attempt) == (ItemStatus.QUEUED, 0)
    fail(claim_item(item.job, worker), kind="timeout", message="no")
    client.post(f"/items/{item.pk}/retry/", sent)
    item.refresh_from_db()
    assert item.status == ItemStatus.FAILED, "one key, one retry"


def test_a_retry_of_a_single_raises_its_budget(client: Client, item: BatchItem, worker: Worker) -> None:
    fail(claim_item(item.job, worker), kind="timeout", message="no")
    BatchJob.objects.update(budget_usd=Decimal("0.000001"))
    client.post(f"/items/{item.pk}/retry/", {"idempotency_key": "k2"})
    job = BatchJob.objects.get()
    assert job.budget_usd > job.worst_item_usd
    assert claim_item(job, worker)


def test_use_it(client: Client, item: BatchItem, worker: Worker, owner: User) -> None:
    claimed = claim_item(item.job, worker)
    handle_error(claimed, Busy("broke off", kind="connection", costs_attempt=True, maybe_billed=True))
    cancel(item.job, by=owner)
    assert "Nothing of it is kept" in client.get(f"/items/{item.pk}/").text
    file_reply(claimed)
    assert "Use it, $0.00" in client.get(f"/items/{item.pk}/").text
    answer = client.post(f"/items/{item.pk}/use/")
    assert answer["Location"] == f"/conversations/{Conversation.objects.get().pk}/"


def test_a_stopped_single_says_why_and_resumes(client: Client, item: BatchItem) -> None:
    BatchJob.objects.update(status=JobStatus.FAILED, reason=Reason.PROVIDER_AUTH, reason_note="invalid key")
    page = client.get(f"/items/{item.pk}/").text
    assert "The key was refused" in page
    assert "invalid key" in page
    assert "every 1s" not in page
    client.post(f"/batches/{item.job_id}/resume/")
    assert BatchJob.objects.get().status == JobStatus.PROCESSING


def lose_its_money(item: BatchItem) -> None:
    """Paused by its budget: calls were lost, and the rest does not cover another."""
    BatchJob.objects.update(status=JobStatus.PAUSED, reason=Reason.BUDGET, spent=F("budget_usd"))


def test_a_single_without_money_asks_for_more_and_goes_on(client: Client, item: BatchItem) -> None:
    lose_its_money(item)
    page = client.get(f"/items/{item.pk}/").text
    assert "Budget reached" in page
    assert "Raise the budget and resume" in page
    assert f'action="/batches/{item.job_id}/resume/"' in page
    offered = re.search(r'name="budget"[^>]*?value="([\d.]+)"|value="([\d.]+)"[^>]*?name="budget"', page)
    assert offered
    amount = next(filter(None, offered.groups()))
    answer = client.post(f"/batches/{item.job_id}/resume/", {"budget": amount})
    assert answer.status_code == 302
    job = BatchJob.objects.get()
    assert (job.status, job.budget_usd) == (JobStatus.PROCESSING, Decimal(amount))
    assert job.budget_usd >= job.spent + 3 * job.worst_item_usd, "room for lost calls again"


def test_a_resume_of_a_single_never_pauses_again_in_silence(client: Client, item: BatchItem) -> None:
    lose_its_money(item)
    answer = client.post(f"/batches/{item.job_id}/resume/")
    assert answer.status_code == 409
    assert "does not cover the next call" in answer.text
    assert "Raise the budget and resume" in answer.text
    assert BatchJob.objects.get().status == JobStatus.PAUSED
    assert client.post(f"/batches/{item.job_id}/resume/", {"budget": "lots"}).status_code == 422


def test_who_only_sees_it_neither_retries_nor_uses(client: Client, item: BatchItem) -> None:
    viewer = make_user()
    make_member(workspace=item.workspace, user=viewer, role=Membership.Role.VIEWER)
    client.force_login(viewer)
    assert client.get(f"/items/{item.pk}/").status_code == 200
    for verb in ("retry", "use"):
        assert client.post(f"/items/{item.pk}/{verb}/").status_code == 403
    assert "No template can be used" in client.get("/generate/").text


# --- another template, option lists, the same again ------------------------------------------------------


@pytest.fixture
def other(owner: User, template: PromptTemplate) -> PromptTemplate:
    """It shares one variable with `template` and has one of its own."""
    variables = (Variable("topic"), Variable("persona", required=False))
    text = "Other: {{topic}} for {{persona}}"
    return make_template(workspace=owner.personal_workspace(), name="B mine", text=text, variables=variables)


def test_choosing_a_template_switches_form_and_preview_and_keeps_what_was_typed(
    client: Client, template: PromptTemplate, other: PromptTemplate
) -> None:
    whole = {"HX-Request": "true", "HX-Target": "form#one"}
    typed = {**values(template, topic="a house", age="40", goals=["save", "spend"], details="place: here")}
    switched = {**typed, "template": str(other.pk), "action": "update"}
    answer = client.post("/generate/", switched, headers=whole)
    assert "<html" not in answer.text
    assert answer["HX-Replace-Url"] == f"/generate/?template={other.pk}"
    assert "Other: <mark" in answer.text
    assert "a house</textarea>" in answer.text
    assert "place: here</textarea>" in answer.text
    assert 'id="value-persona"' in answer.text
    back = {"topic": "a house", "age": "40", "goals": "save\nspend"}
    for name in ("age", "goals"):
        assert f'type="hidden" name="value-{name}" value="{back[name]}"' in answer.text
    again = client.post("/generate/", {**values(template, **back), "action": "update"}, headers=whole)
    assert 'name="value-age" value="40"' in again.text
    assert 'value="spend" checked' in again.text


def test_a_template_that_the_form_did_not_show_is_not_paid(
    client: Client, template: PromptTemplate, other: PromptTemplate
) -> None:
    """Without script one may choose another template and press Generate at once."""
    shown = client.get("/generate/", {"template": str(template.pk)}).context["version"]
    sent = {**values(other, topic="a house"), "action": "generate", "shown_version": str(shown.pk)}
    answer = client.post("/generate/", sent)
    assert (answer.status_code, BatchJob.objects.count()) == (422, 0)
    assert "press Generate again" in answer.text
    assert f'name="shown_version" value="{other.published_version().pk}"' in answer.text  # type: ignore[union-attr]
    sent["shown_version"] = str(answer.context["version"].pk)
    assert client.post("/generate/", sent).status_code == 302
    assert BatchItem.objects.get().made_from.template == other


def test_the_names_of_the_option_list_stand_beside_the_free_text(
    client: Client, other: PromptTemplate
) -> None:
    home = other.workspace
    make_option(workspace=home, kind=OptionKind.PERSONA, name="Anxious <Investor>")
    make_option(workspace=home, kind=OptionKind.PERSONA, name="Gone", archived_at=timezone.now())
    make_option(workspace=home, kind=OptionKind.EMOTION, name="fear")
    make_option(kind=OptionKind.PERSONA, name="Foreign")
    page = client.get("/generate/", {"template": str(other.pk)}).text
    assert '<option value="Anxious &lt;Investor&gt;">' in page
    assert 'data-fills="value-persona"' in page
    for hidden in ("Gone", "Foreign", "fear"):
        assert f'<option value="{hidden}"' not in page
    chosen = {**values(other, topic="x"), "pick-persona": "Anxious <Investor>"}
    assert "Anxious &lt;Investor&gt;</mark>" in client.post("/generate/", chosen).text
    written = {**chosen, "value-persona": "somebody else"}
    page = client.post("/generate/", written).text
    assert "somebody else</mark>" in page
    assert "selected>Anxious" not in page


def test_the_same_values_just_now_are_said_before_they_are_paid_again(
    client: Client, template: PromptTemplate
) -> None:
    start(client, template, topic="once")
    job = BatchJob.objects.get()
    answer = start(client, template, key="another", topic="once")
    assert (answer.status_code, BatchJob.objects.count()) == (422, 1)
    assert f'name="seen_start" value="{job.pk}"' in answer.text
    told = client.post("/generate/preview/", values(template, topic="once"), headers=PREVIEW).text
    assert "One with these very values was started" in told
    sent = {**values(template, topic="once"), "action": "generate", "idempotency_key": "another"}
    assert client.post("/generate/", {**sent, "seen_start": str(job.pk)}).status_code == 302
    assert start(client, template, key="third", topic="twice").status_code == 302


def test_the_preview_has_the_line_about_turns(client: Client, template: PromptTemplate) -> None:
    make_version(template=template, turns_min=2, turns_max=2)
    page = client.get("/generate/", {"template": str(template.pk)}).text
    assert "Number of turns: 2." in page
