"""One person with rows of every kind in every state, so that each page shows its forms and each address leads somewhere."""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from batches.models import BatchItem
from batches.models.states import ItemStatus, JobKind, JobStatus, LogState, Reason
from conversations.models import Conversation
from conversations.states import Status
from exports.pushing.actions import enter_token
from exports.reviewing.applying import upload_reviews
from review.actions import comment
from templates_app.models import PromptTemplate
from templates_app.states import EntryKind
from templates_app.text.rendering import Variable
from tests import factories
from tests.access.urls import Url
from tests.support.jobs import furnish
from workspaces.actions import create_sign_in_link
from workspaces.members import invite
from workspaces.models import Membership, User

TEXT = "A {{tone ? 'plain' : 'calm'}} client of {{age}} asks about {{topic}} in {{place}} with {{papers}}."
VARIABLES = (
    Variable("topic"),
    Variable("tone", required=False),
    Variable("age", type="number", minimum=18, maximum=99, required=False, default=40),
    Variable("place", type="dropdown", options=("office", "call"), required=False, default="call"),
    Variable("papers", type="list", options=("tax return", "deed"), required=False, default=["deed"]),
)
VALUES = {"topic": "a pension", "tone": "calm", "age": 44, "place": "office", "papers": ["deed"]}
# What fills the places of addresses that name no row.
WORDS = {
    "position": ["1"],
    "app_label": ["batches"],
    "url": ["nothing"],
    "kind": ["starter", "matrix", "situations", "csv", "chosen"],
    "name": ["conversations", "cost"],
    "number": ["1", "2"],
    "old": ["1"],
    "new": ["2"],
}


class World(NamedTuple):
    """`rows` are the keys that fill a place of an address (`job_id`), one for each state that matters."""

    person: User
    client: Client
    rows: dict[str, list[str]]
    template: PromptTemplate
    planned: list[tuple[str, str]]  # each draft with an item of it
    written: str  # the key of a conversation that waits to be generated

    def paths(self, url: Url) -> Iterator[str]:
        """Every address of this URL; raises AssertionError for a place that nothing fills."""
        rows = {**WORDS, **self.rows, **self._rows_of_admin(url)}
        missing = set(url.parameters) - rows.keys()
        assert not missing, f"{url.form}: say in tests/abuse/world.py what fills {', '.join(sorted(missing))}"
        if set(url.parameters) == {"job_id", "item_id"}:  # an item of its draft
            for job, item in self.planned:
                yield url.path({"job_id": job, "item_id": item})
            return
        for values in product(*(rows[name] for name in url.parameters)):
            yield url.path(dict(zip(url.parameters, values, strict=True)))

    def _rows_of_admin(self, url: Url) -> dict[str, list[str]]:
        if not url.name.startswith("admin:"):
            return {}
        if url.name == "admin:view_on_site":
            kind = ContentType.objects.get_for_model(PromptTemplate)
            return {"content_type_id": [str(kind.pk)], "object_id": [str(self.template.pk)]}
        return {"object_id": [find_key(url)], "id": [str(self.person.pk)]}


def find_key(url: Url) -> str:
    """The key of a row of the table whose admin page this is: `admin:batches_batchjob_change`."""
    model = find_admin_model(url.name)
    row = model._default_manager.order_by("pk").first() if model else None
    return str(row.pk) if row else "7f0e5e0e-0000-4000-8000-000000000000"


def find_admin_model(name: str) -> type[Model] | None:
    words = name.removeprefix("admin:").rsplit("_", 1)[0]
    found = [kind for kind in ContentType.objects.all() if words == f"{kind.app_label}_{kind.model}"]
    return found[0].model_class() if found else None


def make_world() -> World:
    person = factories.make_user(username="owner", staff=True)
    furnish(person)
    workspace = person.personal_workspace()
    client = Client()
    client.force_login(person)
    template = factories.make_template(workspace=workspace, name="Pensions", text=TEXT, variables=VARIABLES)
    factories.make_version(template=template, text=f"{TEXT} Be brief.", variables=VARIABLES, published=False)
    archived = factories.make_template(workspace=workspace, name="Old", text=TEXT, variables=VARIABLES)
    PromptTemplate.objects.filter(pk=archived.pk).update(archived_at=timezone.now())
    entries, files = make_library(person)
    drafts = [draft(client, body) for body in bodies_of_drafts(template)]
    jobs, items, conversations = make_jobs(person, template)
    about: dict[str, Any] = {"parameters": VALUES, "template_version": template.versions.get(number=1)}
    reviewed = Conversation.objects.get(pk=conversations[0])
    said = comment(reviewed, turn=1, text="Is it so?", by=person)
    judged = factories.make_judgement(conversation=reviewed)
    written = factories.make_conversation(by=person, status=Status.DRAFT, **about)
    rows = {
        "job_id": [*drafts, *jobs],
        "item_id": items,
        "conversation_id": conversations,
        "template_id": [str(template.pk), str(archived.pk)],
        "entry_id": entries,
        "import_id": files,
        "file_id": [
            str(factories.make_imported_file(by=person).pk),
            str(factories.make_imported_file(by=person, job=factories.make_background_job(by=person)).pk),
            make_reviews(reviewed, person),
        ],
        "comment_id": [str(said.pk)],
        "score_id": [str(judged.scores.all()[0].pk)],
        "background_id": [
            str(factories.make_background_job(by=person).pk),
            str(factories.make_background_job(by=person, status="completed", done=1, total=1).pk),
        ],
        "export_id": make_exports(person),
        "view_id": [str(factories.make_saved_view(user=person).pk) for _ in range(2)],
        "token": ["wrong", create_sign_in_link(person)],
        **make_people(person),
    }
    planned = [(job, str(BatchItem.objects.filter(job=UUID(job)).in_plan_order()[0].pk)) for job in drafts]
    return World(person, client, rows, template, planned, str(written.pk))


def make_people(person: User) -> dict[str, list[str]]:
    """The personal workspace and a shared one, with somebody to remove and somebody to give a link, and two tokens."""
    shared = factories.make_workspace(owner=person)
    invited = invite(shared, username="maria", email="", role=Membership.Role.EDITOR, by=person)
    members = [factories.make_member(workspace=shared), invited]
    for name in ("one", "two"):
        factories.make_token(user=person, name=name)
    return {
        "workspace_id": [str(person.personal_workspace().pk), str(shared.pk)],
        "member_id": [str(each.pk) for each in members],
        "token_id": [str(key) for key in person.api_tokens.values_list("pk", flat=True)],
    }


def make_exports(person: User) -> list[str]:
    """Two that never began and may be deleted by the walk, one that waits for a person after its check, one that waits for a
    worker, a written one, one that can be pushed, and one that is deleted."""
    enter_token(workspace=person.personal_workspace(), token="hf_wrong", by=person)
    now, counts = timezone.now(), {"items": 1, "splits": {"train": 1}}
    about: dict[str, Any] = {"frozen_at": now, "checked_at": now, "counts": counts, "items": 1}
    checked, written = (
        factories.make_background_job(by=person, kind="export", status="completed") for _ in range(2)
    )
    made = [
        *(factories.make_export(by=person) for _ in range(2)),
        factories.make_export(by=person, job=checked, filter="q=rent&tier=scenario", **about),
        factories.make_export(by=person, job=factories.make_background_job(by=person, kind="export")),
        factories.make_export(by=person, job=written, finished_at=now, **about),
        factories.make_export(by=person, job=written, finished_at=now, format="folder", **about),
        factories.make_export(by=person, deleted_at=now),
    ]
    return [str(each.pk) for each in made]


def make_reviews(reviewed: Conversation, person: User) -> str:
    """The key of a file of reviews that waits."""
    row = f"{reviewed.conversation_id},{reviewed.version},{reviewed.revision},approve\n"
    content = f"conversation_id,version,revision,decision\n{row}".encode()
    return str(upload_reviews(content, name="back.csv", workspace=person.personal_workspace(), by=person).pk)


def bodies_of_drafts(template: PromptTemplate) -> list[dict[str, Any]]:
    matrix = {
        "axes": [{"name": "tone", "values": ["calm", "brief"]}, {"name": "age", "values": ["30", "60"]}]
    }
    return [
        {"templateId": str(template.pk), "matrix": matrix, "sharedParameters": {"topic": "a pension"}},
        {"tags": ["tax"]},
    ]


def draft(client: Client, body: dict[str, Any]) -> str:
    given = json.dumps({**body, "name": "A draft", "draft": True})
    answer = client.post("/api/conversations/generate-batch", given, content_type="application/json")
    assert answer.status_code == 201, answer.content
    return str(answer.json()["jobId"])


def make_jobs(person: User, template: PromptTemplate) -> tuple[list[str], list[str], list[str]]:
    """The keys of batches in each state, of items in each state, and of conversations."""
    version = template.versions.get(number=1)
    jobs, items, made = [], [], []
    states: list[tuple[JobStatus, dict[str, Any]]] = [
        (JobStatus.COMPLETED, {"completed_items": 1, "failed_items": 1, "successful_items": 1}),
        (JobStatus.PAUSED, {"failed_items": 1, "reason": Reason.BUDGET}),
        (JobStatus.QUEUED, {}),
        (JobStatus.COMPLETED, {"failed_items": 1, "kind": JobKind.SINGLE}),
    ]
    for status, counted in states:
        total = 1 if counted.get("kind") else 2
        job = factories.make_job(by=person, status=status, total_items=total, **counted)
        jobs.append(str(job.pk))
        for place in range(total):
            state = item_state(place, counted)
            about = (
                {"error_kind": "refused", "error_message": "No turns."} if state == ItemStatus.FAILED else {}
            )
            item = factories.make_item(job=job, version=version, status=state, **about)
            items.append(str(item.pk))
            if state == ItemStatus.COMPLETED:
                conversation = factories.make_conversation(
                    item=item, parameters=VALUES, template_version=version
                )
                factories.make_log(item=item, state=LogState.SUCCEEDED, conversation=conversation)
                made.append(str(conversation.pk))
    return jobs, items, made


def item_state(place: int, counted: dict[str, Any]) -> ItemStatus:
    if place < counted.get("completed_items", 0):
        return ItemStatus.COMPLETED
    failed = place < counted.get("completed_items", 0) + counted.get("failed_items", 0)
    return ItemStatus.FAILED if failed else ItemStatus.QUEUED


def make_library(person: User) -> tuple[list[str], list[str]]:
    """The keys of the entries: a scenario, an edge case and an option have the same one; and those of files of each kind."""
    workspace = person.personal_workspace()
    keys = []
    for archived in (None, timezone.now()):
        about: dict[str, Any] = {
            "tags": ["tax"],
            "context": "He is 61 and sold everything.",
            "expected_behaviour": "Calms him.",
        }
        scenario = factories.make_scenario(workspace=workspace, archived_at=archived, **about)
        also: dict[str, Any] = {"pk": scenario.pk, "workspace": workspace, "archived_at": archived}
        factories.make_edge_case(**about, **also)
        factories.make_option(**also)
        keys.append(str(scenario.pk))
    contents = {EntryKind.OPTION: b"kind,name,weight\ntone,terse,2\n"}
    files = [
        factories.make_import_file(
            by=person, kind=kind, content=contents.get(kind, b"name,topic\nmine,a topic\n")
        )
        for kind in EntryKind
    ]
    return keys, [str(file.pk) for file in files]
