"""Each page, at both widths and in both themes: no complaint of the browser, nothing wider than the window."""

import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from batches.models import BatchJob
from batches.models.states import ItemStatus, JobStatus, LogState
from conversations import versions
from conversations.models import Conversation
from conversations.parsing import TurnDraft
from conversations.states import Source, Status
from templates_app.models import Option, PromptTemplate, Scenario
from templates_app.prompts.editing import save_draft
from templates_app.text.content import Content
from tests.browser.conftest import OpenPage, keep_picture
from tests.factories import (
    make_background_job,
    make_conversation,
    make_export,
    make_import_file,
    make_item,
    make_job,
    make_judgement,
    make_log,
    make_scenario,
)
from workspaces.actions import create_sign_in_link
from workspaces.models import User

LONG = "Donaudampfschifffahrtsgesellschaftskapitän" * 4
TEXTS = [
    "Is <b>this</b> fine? <script>alert(1)</script> مرحبا بالعالم 你好 🙂",
    LONG,
    "A\n\n    code = {'a': 1}\n\n" + "word " * 300,
    "Bye & good luck",
]


@pytest.fixture
def job(owner: User) -> BatchJob:
    return make_shown_job(owner)


def make_shown_job(owner: User) -> BatchJob:
    """A batch at work, with an item in each state; `paths` needs it."""
    made = make_job(
        by=owner,
        name="Starter plan, 6 conversations",
        status=JobStatus.PROCESSING,
        total_items=6,
        completed_items=3,
        successful_items=2,
        failed_items=1,
        in_flight=1,
        spent=Decimal("0.09931"),
        estimate={"cost": "0.12", "cost_low": "0.06", "cost_high": "0.18"},
    )
    for number, status in enumerate((Status.GENERATED, Status.NEEDS_REVISION, Status.APPROVED)):
        item = make_item(job=made, status=ItemStatus.COMPLETED, ended_at=timezone.now())
        title = LONG if number == 1 else "Whether to co-sign a brother's car loan"
        conversation = make_conversation(item=item, status=status, turns=TEXTS, title=title, simulated=True)
        make_log(
            item=item, conversation=conversation, state=LogState.SUCCEEDED, simulated=True, input_tokens=2011
        )
    make_item(job=made, status=ItemStatus.FAILED, error_kind="unreadable", error_message=f"Not JSON: {LONG}")
    make_item(job=made, status=ItemStatus.PROCESSING, topic="Refinancing student loans")
    make_item(job=made)
    return made


def paths(job: BatchJob) -> dict[str, str]:
    conversation = Conversation.objects.filter(title=LONG).get()
    return {
        "generate": "/",
        "prompt": "/plan/3/?tier=scenario",
        "batches": "/batches/",
        "batch": f"/batches/{job.pk}/",
        "batch-failed": f"/batches/{job.pk}/?show=failed",
        "cancel": f"/batches/{job.pk}/cancel/",
        "conversations": "/conversations/?tier=template&status=generated&status=needs_revision",
        "nothing-matches": "/conversations/?q=nothing+like+this",
        "conversation": f"/conversations/{conversation.pk}/",
        **template_paths(job),
        **row_paths(owner=job.created_by),
        **estimate_paths(owner=job.created_by),
        **version_paths(owner=job.created_by),
        **export_paths(owner=job.created_by),
    }


def version_paths(*, owner: User | None) -> dict[str, str]:
    """A conversation of three versions with long words: each kind of difference, and what makes it anew."""
    assert owner is not None
    version = PromptTemplate.objects.get(
        name="Emotional arc", workspace=owner.personal_workspace()
    ).versions.first()
    values = {"topic": "leaving a job", "persona": "Nurse", "emotion": LONG}
    first = make_conversation(
        by=owner, title="Three versions", template_version=version, parameters=values, turns=TEXTS
    )
    second = versions.edit(first, {1: "Is this fine, really?", 3: TEXTS[2] + LONG}, by=owner, note=LONG)
    turns = [
        *versions.read_turns(second)[:3],
        TurnDraft("assistant", "Bye."),
        TurnDraft("user", "One\n\nmore."),
    ]
    head = versions.add_version(
        second, turns=turns, by=owner, source=Source.GENERATED, change_note="Shorter."
    )
    head.approve(by=owner)
    make_judgement(conversation=head)
    return {
        "versions": f"/conversations/{head.pk}/",
        "version-old": f"/conversations/{second.pk}/",
        "version-diff": f"/conversations/{head.pk}/diff/1..3/",
        "version-same": f"/conversations/{head.pk}/diff/2..2/",
        "regenerate": f"/conversations/{head.pk}/regenerate/?from_turn=3",
        "regenerate-many": "/conversations/regenerate/?q=Three",
        "judge-many": "/conversations/judge/?q=Three",
        "judged": f"/review/{head.pk}/",
    }


def export_paths(*, owner: User | None) -> dict[str, str]:
    """An export in each of its states, with long names and every kind of finding."""
    assert owner is not None
    named = Conversation.objects.get(title="Three versions", is_head=True)
    found = {
        "rule": "too_long",
        "severity": "warns",
        "sentence": f"Too long. {LONG}",
        "remedy": "Leave these out.",
    }
    blocks = {**found, "severity": "blocks", "count": 2, "ids": [named.conversation_id, LONG]}
    counts = {"items": 1234, "conversations": 1234, "turns": 14_808, "groups": 1200, "simulated": 3}
    about = {
        "frozen_at": timezone.now(),
        "checked_at": timezone.now(),
        "counts": {**counts, "splits": {"train": 1100, "validation": 134}, "left_out_by_cell": 7},
        "report": {
            "tokens": {"estimated": 5_678_901, "longest": 9_876},
            "findings": [{**found, "count": 0, "ids": []}],
        },
        "filter": f"q={LONG}&tier=scenario",
    }
    files = [
        {
            "name": f"{name}.jsonl",
            "split": split,
            "rows": 1100,
            "bytes": 45_678_901,
            "sha256": "ab12" * 16,
            "place": "x",
        }
        for name, split in (("my-data-train", "train"), (LONG[:90], "validation"))
    ]
    done = make_background_job(by=owner, kind="export", status="completed")
    running = make_background_job(
        by=owner,
        kind="export",
        status="running",
        total=90,
        done=40,
        token=uuid4(),
        lease_until=timezone.now(),
    )
    failed = make_background_job(by=owner, kind="export", status="failed", error=f"The disk is full. {LONG}")
    whole = {**about, "finished_at": timezone.now(), "files": files, "size": 91_357_802}
    states: dict[str, dict[str, Any]] = {
        "done": {
            **whole,
            "job": done,
            "manifest": {"skipped": {"One version is the beginning of the other.": 5}},
        },
        "removed": {
            **whole,
            "job": done,
            "removed_at": timezone.now(),
            "removed_why": f"Deleted for good. {LONG}",
        },
        "checked": {**about, "job": done, "approved_only": False},
        "blocked": {**about, "job": done, "report": {"blocked": True, "findings": [blocks]}},
        "running": {"job": running},
        "failed": {"job": failed},
    }
    made = {name: make_export(by=owner, name=LONG[:90], **given) for name, given in states.items()}
    pages = {f"export-{name}": f"/exports/{each.pk}/" for name, each in made.items()}
    return {"export-new": "/exports/new/?tier=template&status=approved", "exports": "/exports/", **pages}


def estimate_paths(*, owner: User | None) -> dict[str, str]:
    """Finished batches of two models, in their range and out of it, near and far."""
    said = {"cost": "1.00", "cost_low": "0.80", "cost_high": "1.25", "seconds": 100.0}
    for number, spent in enumerate(("1.04", "0.97", "1.40", "0.88", "3.00", "1.12", "0.45", "1.00", "1.19")):
        make_job(
            by=owner,
            name=LONG if number == 4 else f"Matrix {number + 1}",
            status=JobStatus.COMPLETED,
            model="claude-opus-5-5" if number % 3 == 1 else "claude-sonnet-5-5",
            completed_at=timezone.now(),
            actual_seconds=80.0 + 9 * number,
            spent=Decimal(spent),
            simulated=True,
            estimate={**said, "history": 20 * (number % 4)},
        )
    return {
        "estimates": "/batches/estimates/",
        "estimates-nothing": "/batches/estimates/?which=real",
        "yield": "/yield/",
    }


def row_paths(*, owner: User | None) -> dict[str, str]:
    """A scenario with long words, a file with changes of each kind, and the lists."""
    assert owner is not None
    home = owner.personal_workspace()
    odd = Scenario.objects.filter(name=LONG[:200]).first() or make_scenario(
        workspace=home, name=LONG[:200], context=TEXTS[0], tags=[LONG[:90], "land"], parameters={"age": LONG}
    )
    Option.objects.filter(workspace=home, kind="persona", position=2).update(description=LONG)
    first = Scenario.objects.filter(workspace=home).order_by("position")[0]
    rows = [
        {"name": "A mill", "topic": LONG, "tags": ["farm", "land"], "parameters": {"age": "41"}},
        {"name": first.name, "context": TEXTS[2], "persona": "<b>Miller</b>"},
    ]
    kept = make_import_file(by=owner, name="rows.json", content=json.dumps(rows).encode())
    option = Option.objects.filter(workspace=home)[0]
    return {
        "scenarios": "/scenarios/",
        "scenarios-nothing": "/scenarios/?q=nothing+like+this",
        "scenario": f"/scenarios/{odd.pk}/",
        "scenario-new": "/scenarios/new/",
        "scenario-import": "/scenarios/import/",
        "scenario-preview": f"/scenarios/import/{kept.pk}/",
        "edge-cases": "/edge-cases/?page=1",
        "edge-cases-empty": "/edge-cases/?archived=1",
        "options": "/options/?list=persona",
        "option": f"/options/{option.pk}/",
        "api": "/api/docs",
        "models": "/settings/models/",
        "provider": "/settings/provider/",
    }


def template_paths(job: BatchJob) -> dict[str, str]:
    """A template with a published version, an open draft with faults, and what belongs to it."""
    template = PromptTemplate.objects.get(name="Emotional arc", workspace=job.workspace)
    draft = template.newest_version()
    assert draft is not None
    if not draft.is_draft:
        content = draft.content()
        text = content.text.replace("natural spoken English", f"plain English {LONG}").replace(
            "- 8 to 14", "- 6 to 12"
        )
        variables = [*content.variables, {"name": "unused_one", "type": "number", "minimum": 1, "maximum": 9}]
        changed = Content(**{**content.as_fields(), "text": f"{text}\n{{{{topc}}}}", "variables": variables})
        draft = save_draft(template, changed, by=job.created_by)
    one = f"/templates/{template.pk}"
    return {
        "templates": "/templates/",
        "templates-nothing": "/templates/?archived=1",
        "template": f"{one}/",
        "template-new": "/templates/new/",
        "template-edit": f"{one}/edit/",
        "template-version": f"{one}/v/{draft.number}/",
        "template-diff": f"{one}/diff/1..{draft.number}/",
        "template-publish": f"{one}/publish/",
        "template-roll-back": f"{one}/v/1/roll-back/",
        "template-test": f"{one}/v/1/test/",
        "template-import": "/templates/import/",
    }


# All pages once; each of the other widths and themes takes as long again. A phone has tests of its own (test_reading_flow).
@pytest.mark.parametrize(
    ("width", "dark"),
    [
        (1440, False),
        pytest.param(390, True, marks=pytest.mark.slow),
        pytest.param(1440, True, marks=pytest.mark.slow),
        pytest.param(390, False, marks=pytest.mark.slow),
    ],
)
def test_each_page(open_page: OpenPage, owner: User, job: BatchJob, width: int, dark: bool) -> None:
    page = open_page("/", by=owner, width=width, dark=dark)
    for name, path in paths(job).items():
        page.goto(path)
        check(page, f"{name}-{width}-{'dark' if dark else 'light'}", width=width)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_of_a_stranger(open_page: OpenPage, owner: User, width: int, dark: bool) -> None:
    page = open_page("/sign-in/", width=width, dark=dark)
    check(page, f"sign-in-{width}-{'dark' if dark else 'light'}", width=width)
    page.goto(f"/sign-in/{create_sign_in_link(owner)}/")
    check(page, f"sign-in-link-{width}-{'dark' if dark else 'light'}", width=width)


def check(page: Page, name: str, *, width: int) -> None:
    keep_picture(page, name)
    assert page.locator("h1, main h2").count() >= 1, name
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the window"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.getAttribute('id'))")
    assert len(ids) == len(set(ids)), f"{name} has an id twice"
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, a, input:not([type=hidden]), select')]"
        ".filter(each => !(each.textContent.trim() || each.ariaLabel || each.labels?.length)).map(each => each.outerHTML)"
    )
    assert nameless == [], name


ADMIN = (
    "batches/batchjob",
    "batches/batchitem",
    "batches/generationlog",
    "conversations/conversation",
    "templates_app/templateversion",
    "workspaces/user",
)


@pytest.mark.slow
def test_the_admin_fits_and_nothing_complains(open_page: OpenPage, owner: User, job: BatchJob) -> None:
    """Long values too: a reply is stored as one line."""
    job.logs.update(response_payload={"text": "word " * 5000}, response_body=b"x" * 5000)
    job.items.update(parameters={"context": "word " * 500})
    User.objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    page = open_page("/admin/", by=owner)
    for path in ADMIN:
        page.goto(f"/admin/{path}/")
        first = page.locator("#result_list a[href*='/change/']").first.get_attribute("href")
        assert first, path
        page.goto(first)
        keep_picture(page, f"admin-{path.replace('/', '-')}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1440, path


def test_both_themes_are_really_two(open_page: OpenPage, owner: User) -> None:
    colours = {
        open_page("/batches/", by=owner, dark=dark).evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        for dark in (False, True)
    }
    assert len(colours) == 2


def test_a_chosen_theme_stays(open_page: OpenPage, owner: User) -> None:
    page = open_page("/batches/", by=owner)
    page.locator("summary[aria-label=Theme]").click()
    page.locator("[data-theme-choice=dark]").click()
    page.goto("/conversations/")
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_menu_of_a_small_window(open_page: OpenPage, owner: User) -> None:
    page = open_page("/", by=owner, width=390)
    page.locator(".mobile-menu summary").click()
    page.locator(".mobile-menu a", has_text="Conversations").click()
    page.locator("h1", has_text="Conversations").wait_for()
