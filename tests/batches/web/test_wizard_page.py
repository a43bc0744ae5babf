"""The wizard: each kind of plan becomes a draft; what is wrong is said at its field."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from batches.models import BatchJob
from conversations.states import Status
from templates_app.models import Option, PromptTemplate
from tests.batches.actions.test_drafts import order
from tests.factories import make_conversation, make_option, make_scenario, make_template
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def template(client: Client, owner: User) -> PromptTemplate:
    client.force_login(owner)
    return make_template(workspace=owner.personal_workspace(), name="Plain")


def matrix(template: PromptTemplate, **fields: Any) -> dict[str, Any]:
    return {
        "template": str(template.pk),
        "list-topic": "rent",
        "list-persona": "Nurse * 2\nFarmer",
        "list-emotion": "calm\nashamed",
        "how": "cell",
        "count": "1",
        "diversity": "on",
        **fields,
    }


def test_kinds_are_offered(client: Client, template: PromptTemplate) -> None:
    page = client.get("/batches/new/")
    assert [each["kind"] for each in page.context["kinds"]] == ["starter", "matrix", "situations", "csv"]
    make_conversation(workspace=template.workspace, status=Status.DRAFT)
    assert client.get("/batches/new/").context["kinds"][-1]["kind"] == "chosen"
    assert client.get("/batches/new/nothing/").status_code == 404


def test_the_template_of_a_matrix_is_chosen_on_the_first_page(
    client: Client, template: PromptTemplate
) -> None:
    page = client.get("/batches/new/")
    assert f'<option value="{template.pk}">' in page.text
    assert 'action="/batches/new/matrix/"' in page.text


def test_a_matrix_becomes_a_draft(client: Client, template: PromptTemplate) -> None:
    assert "Plain" in client.get("/batches/new/matrix/").text
    page = client.get(f"/batches/new/matrix/?template={template.pk}")
    assert 'name="list-persona"' in page.text
    answer = client.post("/batches/new/matrix/", matrix(template, exclude="nurse | calm", seed="4"))
    job = BatchJob.objects.get()
    assert answer["Location"] == f"/batches/{job.pk}/plan/"
    assert sorted(order(job)) == ["Fa", "Fc", "Na"]
    assert (job.seed, job.name) == (4, "A matrix, 3 conversations")
    assert "setting" in job.items.get(position=1).details


def test_a_draft_is_made_anew_from_the_same_form(client: Client, template: PromptTemplate) -> None:
    client.post("/batches/new/matrix/", matrix(template, how="total", count="9"))
    job = BatchJob.objects.get()
    assert job.total_items == 9
    page = client.get(f"/batches/{job.pk}/configure/")
    assert "Nurse * 2\nFarmer" in page.text
    assert page.context["form"]["count"].value() == 9
    given = matrix(template, count="2", seen="1")
    assert client.post(f"/batches/{job.pk}/configure/", given).status_code == 302
    job.refresh_from_db()
    assert (job.total_items, job.plan_revision) == (8, 2)
    stale = client.post(f"/batches/{job.pk}/configure/", given)
    assert stale.status_code == 409
    assert "in another tab" in stale.text


def test_the_whole_list_with_its_weights_and_descriptions(client: Client, template: PromptTemplate) -> None:
    place = template.workspace
    Option.objects.filter(workspace=place).delete()
    make_option(workspace=place, name="Nurse", weight="3", description="Works nights.")
    make_option(workspace=place, name="Farmer")
    make_option(workspace=place, name="Never", weight="0")
    page = client.get(f"/batches/new/matrix/?template={template.pk}")
    assert "the whole list of 2" in page.text
    given = matrix(
        template,
        **{"list-persona": "", "all-persona": "on", "list-emotion": "calm", "how": "total", "count": "4"},
    )
    client.post("/batches/new/matrix/", given)
    job = BatchJob.objects.get()
    assert sorted(order(job)) == ["Fc", "Nc", "Nc", "Nc"]
    nurse = job.items.filter(parameters__persona="Nurse").first()
    assert nurse is not None
    assert nurse.details["persona"] == "Works nights."


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        ({"list-persona": "", "list-emotion": ""}, "count", "nothing to combine"),
        ({"list-persona": "A\nA"}, "list-persona", "more than once"),
        ({"exclude": "Nobody"}, "exclude", "line 1: 'Nobody' is in none"),
        ({"quotas": "Nurse"}, "quotas", "line 1: begins with a number"),
        ({"quotas": "3 | Nurse", "exclude": "Nurse"}, "quotas", "is excluded"),
        ({"count": "0"}, "count", "greater than or equal to 1"),
        ({"count": "9000"}, "count", "asks for 36,000"),
        ({"how": "total", "count": "2", "quotas": "3 | Nurse | calm"}, "count", "more than the total"),
        ({"details": "x"}, "details", "line 1"),
        ({"list-topic": "x" * 501 + "\nb"}, "list-topic", "501 characters"),
    ],
)
def test_problems_stand_at_their_fields(
    client: Client, template: PromptTemplate, fields: dict[str, str], place: str, words: str
) -> None:
    answer = client.post("/batches/new/matrix/", matrix(template, **fields))
    assert answer.status_code == 422
    assert words in " ".join(answer.context["form"].errors[place])
    assert not BatchJob.objects.exists()


def test_the_starter_plan_by_tier(client: Client, template: PromptTemplate) -> None:
    assert client.get("/batches/new/starter/").context["form"]["diversity"].value() is False
    client.post(
        "/batches/new/starter/", {"tiers": ["edge_case", "scenario"], "limit": "40", "idempotency_key": "a"}
    )
    client.post(
        "/batches/new/starter/", {"tiers": ["edge_case", "scenario"], "limit": "40", "idempotency_key": "a"}
    )
    job = BatchJob.objects.get()
    assert job.total_items == 40
    assert job.items.filter(tier="scenario").count() == 35
    assert client.post("/batches/new/starter/", {}).status_code == 422


def test_situations_by_tag(client: Client, template: PromptTemplate) -> None:
    make_scenario(workspace=template.workspace, tags=["rare"], topic="rare one")
    page = client.get("/batches/new/situations/")
    assert "rare" in page.text
    given = {"tiers": ["scenario", "edge_case"], "tags": ["rare"]}
    assert client.post("/batches/new/situations/", given).status_code == 302
    assert BatchJob.objects.get().items.get().topic == "rare one"


def test_tags_say_how_many_situations_carry_them(client: Client, template: PromptTemplate) -> None:
    for topic in ("one", "two"):
        make_scenario(workspace=template.workspace, tags=["rare", "odd"], topic=topic)
    make_scenario(workspace=template.workspace, tags=["odd"], topic="three")
    choices = dict(client.get("/batches/new/situations/").context["form"].fields["tags"].choices)
    assert (choices["rare"], choices["odd"]) == ("rare (2)", "odd (3)")


def test_a_file_of_rows(client: Client, template: PromptTemplate) -> None:
    def send(body: bytes) -> Any:
        file = SimpleUploadedFile("plan.csv", body, "text/csv")
        given = {"file": file, "tier": "template", "csv_template": "Plain"}
        return client.post("/batches/new/csv/", given)

    assert "row 2" in send(b"topic,persona\n,Nurse\n").text
    assert send(b"").status_code == 422
    assert send(b"topic,persona,emotion\nrent,Nurse,calm\nrent,Farmer,calm\n").status_code == 302
    assert order(BatchJob.objects.get()) == ["Nc", "Fc"]


def test_a_file_of_rows_says_how_it_was_read(client: Client, template: PromptTemplate) -> None:
    page = client.get("/batches/new/csv/")
    assert 'href="/batches/new/csv/sample.csv"' in page.text
    assert "a variable of " in page.text
    sample = client.get("/batches/new/csv/sample.csv").content
    assert sample.startswith(b"\xef\xbb\xbftopic,tier,category,template")
    body = b"My plan,\nTopic,Persona,emotion\nrent,Nurse,calm\n"
    file = SimpleUploadedFile("plan.txt", body, "text/plain")
    given = {"file": file, "tier": "template", "csv_template": "Plain"}
    made = client.post("/batches/new/csv/", given, follow=True)
    assert "The header was found in row 2. What stands above it was left out" in made.text
    assert order(BatchJob.objects.get()) == ["Nc"]


def test_problems_of_many_rows_are_one_line(client: Client, template: PromptTemplate) -> None:
    rows = "".join(",Nurse\n" for _ in range(61))
    file = SimpleUploadedFile("plan.csv", f"topic,persona\n{rows}".encode(), "text/csv")
    given = {"file": file, "tier": "template", "csv_template": "Plain"}
    page = client.post("/batches/new/csv/", given)
    assert "61 rows (2 to 62), column topic: is empty; each row needs a topic." in page.text
    assert "<strong>1 problem to fix</strong>" in page.text


def test_chosen_drafts(client: Client, template: PromptTemplate) -> None:
    version = template.versions.get()
    made = make_conversation(
        workspace=template.workspace,
        status=Status.DRAFT,
        template_version=version,
        topic="rent",
        parameters={"topic": "rent"},
    )
    foreign = make_conversation(status=Status.DRAFT)
    assert client.post("/batches/new/chosen/", {"conversations": [str(foreign.pk)]}).status_code == 422
    assert client.post("/batches/new/chosen/", {"conversations": [str(made.pk)]}).status_code == 302
    assert BatchJob.objects.get().items.get().topic == "rent"
