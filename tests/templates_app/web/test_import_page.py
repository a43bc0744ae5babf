"""Importing rows: upload, look, say yes. Nothing is stored before, everything or nothing after."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from templates_app.library.sheet import BOUNDS
from templates_app.models import ImportFile, Option, OptionKind, PromptTemplate, Scenario
from templates_app.models.import_files import MOST_OF_A_PERSON
from templates_app.states import Tier
from tests.factories import (
    make_import_file,
    make_member,
    make_option,
    make_scenario,
    make_template,
    make_workspace,
)
from tests.support.workbooks import make_xlsx
from workspaces.models import Membership, User, Workspace

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
UPLOAD = "/scenarios/import/"


@pytest.fixture
def home(owner: User) -> Workspace:
    return owner.personal_workspace()


def sent(
    client: Client, content: bytes | str, *, to: str = UPLOAD, name: str = "rows.csv", **more: Any
) -> HttpResponse:
    given = content.encode() if isinstance(content, str) else content
    return client.post(to, {"file": SimpleUploadedFile(name, given), **more})  # type: ignore[return-value]


def looked_at(client: Client, content: bytes | str, **more: Any) -> tuple[str, Any]:
    """The address of the preview, and what it shows."""
    answer = sent(client, content, **more)
    assert answer.status_code == 302, answer.content.decode()
    where = answer.headers["Location"]
    return where, client.get(where).context["preview"]


def confirmed(client: Client, where: str, digest: str) -> str:
    answer = client.post(where, {"digest": digest}, follow=True)
    assert answer.status_code == 200
    return str(next(iter(answer.context["messages"])))


def test_see_confirm_and_press_again(client: Client, home: Workspace) -> None:
    template = make_template(workspace=home, name="Real", tier=Tier.SCENARIO)
    kept = make_scenario(workspace=home, name="Kept", topic="old", context="stays", parameters={"a": "1"})
    same = make_scenario(workspace=home, name="Same", topic="t")
    gone = make_scenario(workspace=home, name="Gone", topic="t", archived_at=timezone.now())
    where, preview = looked_at(
        client,
        'name,topic,tags,template,parameters.b\nNew," two\r\nlines",x; y,Real,2\nKEPT,new,,,\nSame,t,,,\nGone,t,,,\n',
    )
    assert dict(preview.counts) == {"new": 1, "changed": 1, "same": 1, "restored": 1}
    assert Scenario.objects.count() == 3, "nothing is stored yet"
    said = confirmed(client, where, preview.digest)
    assert said == "Scenarios: 1 made, 1 changed, 1 restored, 1 as they were."
    new = Scenario.objects.get(name="New")
    assert (new.topic, new.tags, new.template) == (" two\r\nlines", ["x", "y"], template)
    assert (new.parameters, new.created_by, new.workspace) == ({"b": "2"}, home.members.get(), home)
    assert new.position > kept.position
    kept.refresh_from_db()
    assert (kept.name, kept.topic, kept.context, kept.parameters) == ("KEPT", "new", "stays", {"a": "1"})
    gone.refresh_from_db()
    assert gone.archived_at is None
    before = same.updated_at
    same.refresh_from_db()
    assert same.updated_at == before
    assert confirmed(client, where, preview.digest) == said, "pressed twice it is done once"
    assert Scenario.objects.count() == 4
    assert "imported already" in client.get(where, follow=True).content.decode()


def test_problems_are_shown_and_nothing_is_kept(client: Client, home: Workspace) -> None:
    answer = sent(client, "name,topic\nfine,x\n,y\n")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Nothing was imported from rows.csv: 1 problem" in page
    assert '<td class="n">3</td><td class="mono">name</td>' in page
    assert not Scenario.objects.exists()
    assert not ImportFile.objects.exists()
    assert client.post(UPLOAD).status_code == 422


def test_rows_that_changed_meanwhile_are_shown_again(client: Client, home: Workspace) -> None:
    row = make_scenario(workspace=home, name="a", topic="one")
    where, preview = looked_at(client, "name,topic\na,two\n")
    Scenario.objects.filter(pk=row.pk).update(topic="three")
    answer = client.post(where, {"digest": preview.digest})
    assert answer.status_code == 409
    assert "have changed since you looked" in answer.content.decode()
    row.refresh_from_db()
    assert row.topic == "three"
    assert confirmed(client, where, answer.context["preview"].digest).startswith("Scenarios: 1 changed")
    assert client.post(where, {"digest": "wrong"}).status_code == 302


def test_a_template_that_went_meanwhile(client: Client, home: Workspace) -> None:
    make_template(workspace=home, name="Real", tier=Tier.SCENARIO)
    where, preview = looked_at(client, "name,topic,template\na,t,Real\n")
    home_templates = make_template(workspace=home, name="Other", tier=Tier.SCENARIO)
    type(home_templates).objects.filter(name="Real").update(tier=Tier.EDGE_CASE)
    assert client.post(where, {"digest": preview.digest}).status_code == 422
    assert not Scenario.objects.exists()


def test_a_file_without_news(client: Client, home: Workspace) -> None:
    make_scenario(workspace=home, name="a", topic="t")
    where, preview = looked_at(client, "name,topic\na,t\n")
    assert not preview.does_something
    assert "Nothing to do" in client.get(where).content.decode()


@pytest.mark.parametrize("form", ["csv", "json"])
def test_there_and_back_in_another_workspace_gives_the_same_bytes(
    client: Client, owner: User, form: str
) -> None:
    first, second = owner.personal_workspace(), make_workspace(owner=owner)
    for workspace in (first, second):
        make_template(workspace=workspace, name="Real", tier=Tier.SCENARIO)
    for number, text in enumerate(["=1", "\r\n", " x ", 'q"uo,te', "{{7*7}}", "\u2028\ufeff", "'=x"]):
        make_scenario(
            workspace=first,
            name=f"{number} {text.strip() or 'n'}".splitlines()[0],
            context=f"{text}!",
            topic=f"{text}t",
            template=PromptTemplate.objects.get(workspace=first) if number % 2 else None,
            parameters={"age": f"{text}y"},
            tags=["b", "a"],
            position=number,
        )
    query = f"?workspace={first.pk}"
    exported = client.get(f"/scenarios/export.{form}{query}")
    assert exported.headers["Content-Disposition"] == f'attachment; filename="scenarios.{form}"'
    where, preview = looked_at(client, exported.content, name=f"x.{form}", workspace=str(second.pk))
    assert dict(preview.counts) == {"new": 7}
    confirmed(client, where, preview.digest)
    assert client.get(f"/scenarios/export.{form}?workspace={second.pk}").content == exported.content
    _, again = looked_at(client, exported.content, name=f"x.{form}", workspace=str(first.pk))
    assert dict(again.counts) == {"same": 7}


def test_options_with_their_lists(client: Client, home: Workspace) -> None:
    make_option(workspace=home, kind=OptionKind.TONE, name="calm", position=4)
    where, preview = looked_at(
        client, "kind;name;weight\ntone;calm;2\ntone;warm;0.5\nemotion;calm;\n", to="/options/import/"
    )
    assert dict(preview.counts) == {"changed": 1, "new": 2}
    confirmed(client, where, preview.digest)
    found = list(Option.objects.filter(workspace=home).values_list("kind", "name", "weight", "position"))
    assert [(kind, name, str(weight), place) for kind, name, weight, place in found] == [
        ("emotion", "calm", "1.000", 1),
        ("tone", "calm", "2.000", 4),
        ("tone", "warm", "0.500", 5),
    ]


@pytest.mark.lengthy
def test_five_thousand_rows(client: Client, home: Workspace) -> None:
    rows = [{"name": f"row {n}", "topic": "t", "context": "c" * 100} for n in range(5_000)]
    where, preview = looked_at(client, json.dumps(rows), name="rows.json")
    page = client.get(where)
    assert len(page.content) < 200_000, "the page is bounded"
    assert confirmed(client, where, preview.digest) == "Scenarios: 5,000 made."


def test_a_file_is_its_owners_and_not_for_ever(client: Client, owner: User, home: Workspace) -> None:
    editor = make_member(workspace=home).user
    theirs = make_import_file(by=editor, workspace=home)
    old = make_import_file(by=owner, expires_at=timezone.now() - timedelta(seconds=1))
    for kept in (theirs, old):
        assert client.get(f"/scenarios/import/{kept.pk}/").status_code == 404
        assert client.post(f"/scenarios/import/{kept.pk}/", {"digest": ""}).status_code == 404
    mine = make_import_file(by=owner)
    assert client.get(f"/edge-cases/import/{mine.pk}/").status_code == 404
    looked_at(client, "name,topic\na,b\n")
    assert not ImportFile.objects.filter(pk=old.pk).exists(), "what has expired goes"


def test_a_person_keeps_the_newest_files_only(client: Client, owner: User) -> None:
    for _ in range(MOST_OF_A_PERSON + 2):
        make_import_file(by=owner)
    looked_at(client, "name,topic\na,b\n")
    assert ImportFile.objects.filter(created_by=owner).count() == MOST_OF_A_PERSON


def test_a_name_that_looks_the_same_is_the_same_entry(client: Client, home: Workspace) -> None:
    make_scenario(workspace=home, name="Caf\u00e9", topic="old")
    make_template(workspace=home, name="R\u00e9al", tier=Tier.SCENARIO)
    where, preview = looked_at(client, "name,topic,template\nCAFE\u0301,new,re\u0301al\n")
    assert dict(preview.counts) == {"changed": 1}
    confirmed(client, where, preview.digest)
    found = Scenario.objects.get(workspace=home)
    assert (found.topic, found.template and found.template.name) == ("new", "R\u00e9al")
    twice = sent(client, "name,topic\nCaf\u00e9,a\nCafe\u0301,b\n")
    assert "is in row 2 too" in twice.content.decode()


def test_a_sheet_of_a_workbook_is_chosen_and_kept(client: Client, home: Workspace) -> None:
    book = make_xlsx({"A": [["name", "topic"], ["one", "x"]], "B": [["Name", "topic"], ["two", "y"]]})
    where, preview = looked_at(client, book, name="rows.xlsx", sheet="b")
    assert "How the file was read" in client.get(where).text
    confirmed(client, where, preview.digest)
    assert Scenario.objects.get(workspace=home).name == "two"
    wrong = sent(client, book, name="rows.xlsx", sheet="C")
    assert "has no sheet &#x27;C&#x27;; there are: A, B" in wrong.content.decode()


@pytest.mark.parametrize("base", ["scenarios", "edge-cases", "options"])
def test_the_sample_and_the_columns_stand_beside_the_upload(
    client: Client, home: Workspace, base: str
) -> None:
    page = client.get(f"/{base}/import/").text
    assert f'href="/{base}/import/sample.csv"' in page
    assert "<strong>required</strong>" in page
    sample = client.get(f"/{base}/import/sample.csv")
    assert sample.headers["Content-Disposition"] == f'attachment; filename="{base}-sample.csv"'
    _where, preview = looked_at(client, sample.content, to=f"/{base}/import/")
    assert dict(preview.counts) == {"new": 2}


def test_roles(client: Client, owner: User) -> None:
    shared = make_workspace()
    make_member(workspace=shared, user=owner, role=Membership.Role.VIEWER)
    more = {"workspace": str(shared.pk)}
    assert sent(client, "name,topic\na,b\n", **more).status_code == 403
    assert client.get(f"{UPLOAD}?workspace={shared.pk}").status_code == 403
    assert client.get(f"/scenarios/export.csv?workspace={shared.pk}").status_code == 200
    Membership.objects.filter(workspace=shared).update(role=Membership.Role.EDITOR)
    where, preview = looked_at(client, "name,topic\na,b\n", **more)
    Membership.objects.filter(workspace=shared).update(role=Membership.Role.VIEWER)
    assert client.post(where, {"digest": preview.digest}).status_code == 404
    assert not Scenario.objects.exists()


def test_a_file_over_the_limit_is_refused_by_its_size(client: Client, home: Workspace) -> None:
    answer = sent(client, b"name,topic\n" + b"x" * BOUNDS.bytes)
    assert answer.status_code == 422
    assert "at most 5,000,000 are allowed. Split it." in answer.content.decode()


class Counted(io.RawIOBase):
    """100 MB of a body, of which it is told how much was read."""

    def __init__(self) -> None:
        self.taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self.taken += max(size, 0)
        return b"x" * max(size, 0)


@pytest.mark.parametrize("path", [UPLOAD, "/api/scenarios", "/sign-in/", "/admin/"])
def test_100_mb_are_refused_before_a_byte_is_read(client: Client, owner: User, path: str) -> None:
    body = Counted()
    answer = client.generic(
        "POST",
        path,
        content_type="multipart/form-data; boundary=x",
        **{"wsgi.input": body, "CONTENT_LENGTH": str(100_000_000)},  # type: ignore[arg-type]
    )
    assert answer.status_code == 413
    assert body.taken == 0
    text = answer.content.decode()
    assert "100 MB" in text
    assert "20 MB" in text
    assert text.startswith("{") is path.startswith("/api/")
