"""Every action that takes `by=` leaves exactly one audit entry, in the transaction of its change (issue J, point 4)."""

import ast
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Model
from pytest_django import Settings

from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.models import BatchJob, PromptSize
from conversations.models import Conversation, Decision
from tests.factories import make_template, make_user
from tests.guards.audited_actions import CASES
from tests.guards.audited_case import PLANTED, TEXT, Case, Stage
from tests.guards.sources import Source, source, sources
from workspaces.audit import HISTORY_SHOWN, SENTENCES, SYSTEM, read_history
from workspaces.models import AuditEntry, User, Workspace
from workspaces.states import Action, TargetKind

ROOMS = ("workspaces", "background", "templates_app", "conversations", "batches", "provider", "exports")
# What takes a person and is no action of its own.
NO_ACTIONS = {
    "background.actions.add_job": "a part of each action that starts a job; start_job records the start itself",
    "workspaces.audit.record_many": "it writes the entries",
    "conversations.changes.apply_change": "each of its changes is an action, and records itself",
    "conversations.versions.add_version": "edit, bring_back and filing share it; each records itself",
    "workspaces.audit.record": "it writes the entry",
    "workspaces.people.find_workspace": "it only looks a workspace up",
    "batches.actions.jobs.by_idempotency_key": "it only looks a batch up",
    "workspaces.models.requests.KeyedRequestQuerySet.find_earlier": "it only looks a request up",
    "workspaces.models.requests.KeyedRequestQuerySet.remember": "it is a part of each action that it belongs to",
    "batches.actions.jobs.move_job": "pause, resume, cancel and others share it, and give it their action",
    "batches.actions.drafts.recorded_change": "the changes of a draft share it, and give it their action",
    "batches.planning.recipe.plan_from": "it computes a plan and stores nothing",
    "templates_app.prompts.editing.create_recorded": "create, duplicate and import share it, and give it their action",
    "templates_app.models.import_files.ImportFile.store": "a file waits for its owner's yes; the import is recorded",
    "exports.importing.uploading.upload_file": "a file waits for its owner's yes; the import is recorded",
    "exports.models.import_files.ImportedFile.store": "a part of upload_file and upload_reviews",
    "exports.reviewing.applying.upload_reviews": "a file waits for its owner's yes; its start is recorded",
    "exports.reviewing.applying.build_report": "it says what would change and stores nothing",
    "exports.reviewing.applying.may_edit": "it only asks for the role",
    "exports.reviewing.applying.apply_row": "the decision and the edit of a row are actions, and record themselves",
    "templates_app.packs.installing.install_entries": "a part of install_pack",
}
# Pages and the API pass the person on to an action.
DOORS = ("web", "api", "views", "admin")

pytestmark = pytest.mark.django_db
each_action = pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)


@pytest.fixture
def stage(case: Case, settings: Settings, request: pytest.FixtureRequest) -> Stage:
    set_limits(pools(), per_minute=1_000_000)
    if case.name == "provider.check.check":
        simulator = request.getfixturevalue("simulator")
        settings.DEMO, settings.CLAUDE_BASE_URL = False, simulator.url
        settings.CLAUDE_API_KEY = f"sk-ant-{PLANTED}-key-wxyz"
    owner = make_user(email="owner@example.com")
    return Stage(owner, make_template(workspace=owner.personal_workspace(), text=TEXT))


def new_entries(before: int) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(pk__gt=before).order_by("pk"))


def last_entry() -> int:
    return AuditEntry.objects.values_list("pk", flat=True).first() or 0


@each_action
def test_an_action_leaves_one_entry(case: Case, stage: Stage) -> None:
    act = case.ready(stage)
    before = last_entry()
    answer = act(stage.owner)
    (entry,) = new_entries(before)
    assert (entry.action, entry.target_kind) == (case.action, case.kind)
    assert (entry.who, entry.who_name) == (stage.owner, "owner@example.com")
    assert entry.target_name
    assert_tells_no_secret(entry, answer)


def assert_tells_no_secret(entry: AuditEntry, answer: Any) -> None:
    told = repr((entry.target_name, entry.before, entry.after))
    assert PLANTED not in told
    assert not isinstance(answer, str) or answer not in told, "a token or a link must not be in the log"


@each_action
def test_without_a_person_it_is_the_system(case: Case, stage: Stage) -> None:
    if not case.takes_system:
        pytest.skip("only a person does this")
    act = case.ready(stage)
    before = last_entry()
    act(None)
    (entry,) = new_entries(before)
    assert (entry.who, entry.who_name) == (None, SYSTEM)


@each_action
def test_without_its_entry_nothing_is_changed(
    case: Case, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry is in the transaction of the change: where it cannot be written, the change is taken back."""
    act = case.ready(stage)
    before = contents()

    def refuse(**_: Any) -> None:
        raise RuntimeError("the audit log is full")

    monkeypatch.setattr(AuditEntry.objects, "create", refuse)
    with pytest.raises(RuntimeError, match="audit log is full"):
        act(stage.owner)
    assert contents() == before


def contents() -> dict[str, list[str]]:
    """Every row of ours, as PostgreSQL writes it, but for the sizes that an estimate asks a worker to count."""
    tables = {model._meta.db_table for room in ROOMS for model in apps.get_app_config(room).get_models()}
    with connection.cursor() as cursor:
        return {table: _rows(cursor, table) for table in tables - {PromptSize._meta.db_table}}


def _rows(cursor: Any, table: str) -> list[str]:
    cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
    return [row[0] for row in cursor.fetchall()]


# What must not change without a row that says who changed it, when, from what and to what. Births are apart.
WATCHED = {
    Conversation: ("status", "quality_score", "score_override"),
    BatchJob: ("status", "budget_usd", "judge_budget_usd"),
    Workspace: ("monthly_budget_usd", "revision_below", "review_below"),
}
Value = tuple[type[Model], UUID, str]


@each_action
def test_no_score_status_or_budget_changes_without_a_history_row(case: Case, stage: Stage) -> None:
    act = case.ready(stage)
    before, newest = read_watched(), last_entry()
    act(stage.owner)
    after = read_watched()
    changed = {key: (before[key], after[key]) for key in before.keys() & after.keys()}
    untold = [
        (key, old, new)
        for key, (old, new) in changed.items()
        if old != new and not is_told(key, old, new, new_entries(newest))
    ]
    assert untold == []


def read_watched() -> dict[Value, Any]:
    return {
        (model, row["pk"], column): row[column]
        for model, columns in WATCHED.items()
        for row in model._default_manager.values("pk", *columns)
        for column in columns
    }


def is_told(key: Value, old: Any, new: Any, entries: list[AuditEntry]) -> bool:
    """By a decision, or by an entry about the row; what the thresholds move is in the entry of its workspace."""
    model, row, column = key
    decided = Decision.objects.filter(conversation=row, from_status=str(old), to_status=str(new))
    if column == "status" and model is Conversation and decided.exists():
        return True
    return any(
        f"{old}_to_{new}" in entry.after
        or (entry.target_id == row and any(tells(entry, name, old, new) for name in entry.after))
        for entry in entries
    )


def tells(entry: AuditEntry, name: str, old: Any, new: Any) -> bool:
    """Whether this field of the entry went from `old` to `new`. An entry may tell of a field only what it is now."""
    was_told = name not in entry.before or is_same(entry.before[name], old)
    return was_told and is_same(entry.after[name], new)


def is_same(told: Any, value: Any) -> bool:
    if isinstance(value, Decimal) and isinstance(told, str) and told.replace(".", "").isdigit():
        return Decimal(told) == value
    return bool(told == value)


@pytest.mark.parametrize("case", [case for case in CASES if case.label.endswith(".pause-pause")])
def test_an_action_that_changes_nothing_is_not_recorded(case: Case, stage: Stage) -> None:
    act = case.ready(stage)
    act(stage.owner)
    before = last_entry()
    act(stage.owner)
    assert new_entries(before) == []


# --- no action is missing --------------------------------------------------------------------------------


def actions_of(checked: Source) -> Iterator[str]:
    """Dotted names of public functions and methods that take the acting person as `by`."""
    parts = checked.module.split(".")
    if checked.room not in ROOMS or set(parts) & set(DOORS):
        return
    yield from _actions_in(checked.tree.body, checked.module)


def _actions_in(body: list[ast.stmt], place: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _actions_in(node.body, f"{place}.{node.name}")
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and _takes_a_person(node):
            yield f"{place}.{node.name}"


def _takes_a_person(function: ast.FunctionDef) -> bool:
    given = (*function.args.args, *function.args.kwonlyargs)
    return any(
        each.arg == "by" and each.annotation and "User" in ast.unparse(each.annotation) for each in given
    )


def test_no_action_is_missing() -> None:
    found = {name for each in sources() for name in actions_of(each)}
    assert found - {case.name for case in CASES} - NO_ACTIONS.keys() == set()
    assert NO_ACTIONS.keys() <= found, "an exception that is none any more"


def test_a_new_action_would_be_seen() -> None:
    text = "def merge(job, *, by: User | None): ..."
    assert list(actions_of(source("batches.actions.jobs", text))) == ["batches.actions.jobs.merge"]


def test_every_action_has_a_sentence(django_assert_num_queries: Any) -> None:
    assert set(SENTENCES) == set(Action)
    user: User = make_user(username="owner")
    for number, action in enumerate(Action):
        AuditEntry.objects.create(
            who=user, who_name="owner", action=action, target_kind=TargetKind.BATCH, target_id=user.pk
        )
        with django_assert_num_queries(1):
            newest = read_history(TargetKind.BATCH, user.pk)
        assert newest[0].sentence.startswith("owner ")
        assert "this batch" in newest[0].sentence
        assert len(newest) == min(number + 1, HISTORY_SHOWN)
