from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from batches.models.states import ItemStatus, LogState
from conversations import quality
from conversations.models import Conversation
from conversations.quality import Flag
from conversations.states import Status
from tests.factories import (
    make_conversation,
    make_item,
    make_job,
    make_log,
    make_member,
    make_template,
    make_version,
)
from workspaces.models import Membership, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
# At most these, however many turns there are: session, user, workspaces (three times: page, running batch, count),
# conversation, turns, log, running batch, count of all conversations; its place in the list takes workspaces and keys;
# one more reads what people did with it, at most 50 entries, one its decisions, one its versions, one what the judge said,
# and one is the number of the review queue in the menu.
QUERIES = 17


def test_the_turns_in_order_as_text(client: Client, owner: User) -> None:
    texts = ["Is <b>this</b> fine? مرحبا", "Yes & {{no}}\n\nnew paragraph"]
    made = make_conversation(workspace=owner.personal_workspace(), turns=texts)
    page = client.get(f"/conversations/{made.pk}/")
    assert [turn.content for turn in page.context["turns"]] == texts
    assert "Is &lt;b&gt;this&lt;/b&gt; fine? مرحبا" in page.text
    assert "Yes &amp; {{no}}\n\nnew paragraph" in page.text
    assert 'id="t2"' in page.text


def test_an_imported_one_shows_its_system_text_and_its_id_in_the_file(client: Client, owner: User) -> None:
    made = make_conversation(by=owner, source="imported", system_prompt="Be brief.", external_id="row-7")
    page = client.get(f"/conversations/{made.pk}/").text
    assert "Be brief." in page
    assert "row-7" in page
    assert "imported from a file" in page
    answer = client.get(f"/api/conversations/{made.pk}").json()
    assert (answer["systemPrompt"], answer["externalId"]) == ("Be brief.", "row-7")


def test_somebody_elses_is_as_unknown_as_an_unknown_one(client: Client, owner: User) -> None:
    foreign = make_conversation()
    unknown = client.get("/conversations/00000000-0000-4000-8000-000000000000/")
    answer = client.get(f"/conversations/{foreign.pk}/")
    assert answer.status_code == unknown.status_code == 404


def test_a_viewer_of_the_workspace_may_read(client: Client, owner: User) -> None:
    made = make_conversation()
    make_member(workspace=made.workspace, user=owner, role=Membership.Role.VIEWER)
    assert client.get(f"/conversations/{made.pk}/").status_code == 200


def test_where_it_came_from(client: Client, owner: User) -> None:
    item = make_item(job=make_job(by=owner, total_items=1, name="First three"), status=ItemStatus.COMPLETED)
    made = make_conversation(item=item, simulated=True, parameters={"persona": "Anxious <Investor>"})
    make_log(item=item, conversation=made, state=LogState.FAILED, provider_request_id="req_first")
    make_log(
        item=item,
        conversation=made,
        state=LogState.SUCCEEDED,
        attempt=2,
        provider_request_id="req_second",
        input_tokens=2011,
        output_tokens=3040,
        duration_ms=21_034,
    )
    page = client.get(f"/conversations/{made.pk}/").text
    assert "req_second" in page
    assert "req_first" not in page
    assert "21.0 s, attempt 2" in page
    assert "2.0 k in, 3.0 k out" in page
    assert "First three" in page
    assert "Anxious &lt;Investor&gt;" in page
    assert "simulated, not by Claude" in page


def test_the_parts_of_the_score(client: Client, owner: User) -> None:
    made = make_conversation(workspace=owner.personal_workspace(), turns=4)
    measured = quality.score(list(made.turns.all()))
    made.quality_metrics, made.quality_score = measured.metrics, measured.overall
    made.save(update_fields=["quality_metrics", "quality_score"])
    parts = client.get(f"/conversations/{made.pk}/").context["metrics"]
    assert [(part["name"], part["score"], part["weight"]) for part in parts] == [
        ("Turn count", 5, 40),
        ("Mean length", 4, 30),
        ("Structure", 10, 30),
    ]


def test_what_a_reviewer_should_check_is_said(client: Client, owner: User) -> None:
    home = owner.personal_workspace()
    version = make_version(template=make_template(workspace=home), turns_min=8, turns_max=14)
    other = make_conversation(workspace=home)
    flags = [
        Flag("refusal", 2, "I can't help <you>"),
        Flag("near_duplicate", None, "fp_general_001, likeness 0.83", str(other.pk)),
        Flag("turn_range", None, "2 turns"),
        Flag("role_labels"),
    ]
    made = make_conversation(
        workspace=home, template_version=version, turns=2, flags=[each.to_json() for each in flags]
    )
    page = client.get(f"/conversations/{made.pk}/").text
    assert "It has 2 turns; its template asks for 8 to 14." in page
    assert "began with the name of its role" in page
    assert '<a class="link" href="#t2">Turn 2</a>' in page
    assert "I can&#x27;t help &lt;you&gt;" in page
    assert f'href="/conversations/{other.pk}/"' in page


def test_without_a_score_none_is_made_up(client: Client, owner: User) -> None:
    made = make_conversation(workspace=owner.personal_workspace(), quality_score=None)
    assert "Not scored" in client.get(f"/conversations/{made.pk}/").text


def test_the_way_back_keeps_the_filters(client: Client, owner: User) -> None:
    made = make_conversation(workspace=owner.personal_workspace(), status=Status.APPROVED)
    page = client.get(f"/conversations/{made.pk}/?back=status%3Dapproved%26page%3D2").text
    assert f'<a href="/conversations/?status=approved#conversation-{made.pk}">' in page, (
        "it is on page 1 of 1"
    )


# --- from one to the next ----------------------------------------------------------------------------


def steps(client: Client, made: Conversation, back: str = "") -> tuple[str, str, str]:
    """The titles behind Previous and Next, and the place."""
    page = client.get(f"/conversations/{made.pk}/", {"back": back} if back else {})
    trail = page.context["trail"]
    titles = [
        client.get(link).context["conversation"].title if link else ""
        for link in (trail.previous, trail.next)
    ]
    return titles[0], titles[1], f"{trail.place} of {trail.count}"


def test_previous_and_next_in_the_list_one_came_from(client: Client, owner: User) -> None:
    home = owner.personal_workspace()
    one, two, three, four = (
        make_conversation(workspace=home, title=title, quality_score=Decimal(score), status=status)
        for title, score, status in [
            ("one", 5, Status.GENERATED),
            ("two", 9, Status.APPROVED),
            ("three", 7, Status.GENERATED),
            ("four", 8, Status.GENERATED),
        ]
    )
    assert steps(client, two) == ("four", "", "4 of 4")
    assert steps(client, two, "sort=-created") == ("three", "one", "3 of 4")
    assert steps(client, two, "sort=-score") == ("", "four", "1 of 4")
    assert steps(client, three, "status=generated&sort=score") == ("one", "four", "2 of 3")
    assert steps(client, two, "status=generated") == ("", "", "0 of 3"), "it is not in that list any more"
    assert steps(client, four, "q=four") == ("", "", "1 of 1")
    assert steps(client, one, "sort=nonsense&tier=nonsense") == ("", "three", "1 of 4")
    long = "q=" + "%F0%9F%98%80" * 200
    assert steps(client, one, f"{long}&status=generated") == ("", "", "0 of 0"), "it is not cut"
    assert client.get(f"/conversations/{two.pk}/", {"back": "x" * 4001}).status_code == 400
    page = client.get(f"/conversations/{two.pk}/", {"back": "sort=score&q=o"}).text
    assert 'data-page="previous"' in page
    assert "back=sort%3Dscore%26q%3Do" in page, "the list goes with one"
    make_conversation(title="foreign")
    assert steps(client, two) == ("four", "", "4 of 4")


def test_in_the_order_of_the_plan_from_the_page_of_a_batch(client: Client, owner: User) -> None:
    job = make_job(by=owner, total_items=3, name="The run")
    items = [make_item(job=job, status=ItemStatus.COMPLETED) for _ in range(3)]
    third, first = (make_conversation(item=items[n], title=str(n)) for n in (2, 0))
    make_conversation(workspace=owner.personal_workspace(), title="of no batch")
    page = client.get(f"/batches/{job.pk}/")
    link = next(row["made"] for row in page.context["rows"] if row["made"])
    assert link == first
    back = page.context["reading_list"]
    assert steps(client, first, back) == ("", "2", "1 of 2")
    shown = client.get(f"/conversations/{third.pk}/", {"back": back}).text
    assert f'<a href="/batches/{job.pk}/#item-{items[2].pk}">The run</a>' in shown
    assert f'data-rows="conversation-{third.pk} item-{items[2].pk}"' in shown


def test_the_way_back_leads_to_the_page_of_the_list_where_it_is(client: Client, owner: User) -> None:
    home = owner.personal_workspace()
    oldest, *_ = [make_conversation(workspace=home) for _ in range(51)]
    page = client.get(f"/conversations/{oldest.pk}/").text
    assert f'<a href="/conversations/?page=2#conversation-{oldest.pk}">' in page


def test_queries(client: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    item = make_item(job=make_job(by=owner, total_items=1))
    made = make_conversation(item=item, turns=12)
    make_log(item=item, conversation=made, state=LogState.SUCCEEDED)
    with django_assert_max_num_queries(QUERIES):
        client.get(f"/conversations/{made.pk}/")
