"""Make, change, duplicate and move one scenario, edge case or option. Files are imported in `importing`."""

import itertools
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, Value
from django.db.models.functions import Lower

from templates_app.library.checks import WrongEntry, clean_fields, find_problems
from templates_app.library.kinds import MODELS, find_entries
from templates_app.models import LibraryEntry, Option, PromptTemplate
from templates_app.prompts.editing import EditConflict
from templates_app.states import EntryKind
from templates_app.text.rendering import Problem
from workspaces.audit import find_differences, record
from workspaces.models import User, Workspace
from workspaces.states import Action

LARGEST_POSITION = 1_000_000
# Fields whose values the audit log keeps; of other texts it keeps the length.
TOLD_AS_IT_IS = ("name", "kind")


def get_kind(entry: LibraryEntry) -> EntryKind:
    return next(kind for kind, model in MODELS.items() if isinstance(entry, model))


def make(kind: EntryKind, workspace: Workspace, fields: Mapping[str, Any], *, by: User | None) -> Any:
    """A new entry, after those that are there. Raises WrongEntry with every problem, by field."""
    return _make(kind, workspace, fields, Action.CREATE, by=by)


@transaction.atomic
def _make(
    kind: EntryKind,
    workspace: Workspace,
    fields: Mapping[str, Any],
    action: Action,
    *,
    by: User | None,
    recorded: Mapping[str, Any] | None = None,
) -> Any:
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)  # the name is checked, then taken
    given = _check_fields(kind, workspace, fields, entry=None)
    given.setdefault("position", _find_last_position(kind, workspace, given) + 1)
    entry = MODELS[kind]._default_manager.create(workspace=workspace, created_by=by, **given)
    record(action=action, kind=entry.audited_as, target=entry, by=by, after=recorded)
    return entry


def change(
    entry: LibraryEntry, fields: Mapping[str, Any], *, by: User | None, seen: datetime | None = None
) -> None:
    """Set these fields. Raises WrongEntry, and EditConflict when `seen` is no longer the entry's `updated_at`."""
    try:
        with transaction.atomic():
            Workspace.objects.select_for_update(no_key=True).get(pk=entry.workspace_id)
            given = _check_fields(get_kind(entry), entry.workspace, fields, entry=entry)
            entries = type(entry)._default_manager.filter(pk=entry.pk)
            before = entries.get()
            found = entries.filter(updated_at=seen) if seen is not None else entries
            if given and not found.update(**given):
                raise EditConflict
            _record_change(before, given, by=by)
    except IntegrityError as taken:  # by a way without the lock: the admin, say
        raise WrongEntry([_make_taken_problem(entry.noun)]) from taken
    entry.refresh_from_db()


def _record_change(entry: LibraryEntry, given: Mapping[str, Any], *, by: User | None) -> None:
    """Record the changed fields. `entry` still has the old values. Of a text for prompts only the length is recorded."""
    stored, _ = find_differences({name: getattr(entry, name) for name in given}, given)
    if stored:
        before = {name: _shorten(name, value) for name, value in stored.items()}
        after = {name: _shorten(name, given[name]) for name in stored}
        record(action=Action.CHANGE, kind=entry.audited_as, target=entry, by=by, before=before, after=after)


def _shorten(name: str, value: Any) -> Any:
    if name not in TOLD_AS_IT_IS and isinstance(value, str | list | dict):
        return f"{len(value)} {'characters' if isinstance(value, str) else 'entries'}"
    return str(value) if isinstance(value, PromptTemplate) else value


def duplicate(entry: LibraryEntry, *, by: User | None) -> Any:
    """Make a copy with a name of its own. The copy does not belong to a pack."""
    fields = {
        name.removesuffix("_id"): getattr(entry, name.removesuffix("_id")) for name in entry.CONTENT_FIELDS
    }
    del fields["position"]
    fields["name"] = _find_free_name(entry)
    recorded = {"copy_of": str(entry), "copy_of_id": entry.pk}
    return _make(get_kind(entry), entry.workspace, fields, Action.DUPLICATE, by=by, recorded=recorded)


@transaction.atomic
def move(option: Option, *, steps: int, by: User | None) -> None:
    """Move it up (negative) or down in its list, not counting archived options. At an end of the list it stays."""
    Workspace.objects.select_for_update(no_key=True).get(pk=option.workspace_id)
    entries = list(
        Option.objects.filter(workspace=option.workspace_id, kind=option.kind)
        .usable()
        .order_by("position", "name")
    )
    at = next((index for index, each in enumerate(entries) if each.pk == option.pk), None)
    if at is None:
        return
    entries.insert(max(0, at + steps), entries.pop(at))
    place = entries.index(option)
    moved = [entry for number, entry in enumerate(entries, start=1) if _set_position(entry, number)]
    Option.objects.bulk_update(moved, ["position"])
    if place != at:
        before, after = {"place": at + 1}, {"place": place + 1}
        record(action=Action.MOVE, kind=option.audited_as, target=option, by=by, before=before, after=after)


def _set_position(entry: Option, position: int) -> bool:
    moved, entry.position = entry.position != position, position
    return moved


# --- checks ------------------------------------------------------------------------------------------


def _check_fields(
    kind: EntryKind, workspace: Workspace, fields: Mapping[str, Any], *, entry: LibraryEntry | None
) -> dict[str, Any]:
    given = clean_fields(kind, fields)
    problems = list(find_problems(kind, given))
    if "template" in given:
        problems += find_template_problems(kind, workspace, given["template"])
    if not 0 <= given.get("position", 0) <= LARGEST_POSITION:
        problems.append(Problem("position", f"must be a number from 0 to {LARGEST_POSITION:,}"))
    if not problems and is_name_taken(kind, workspace, given, entry=entry):
        problems.append(_make_taken_problem(MODELS[kind].noun))
    if problems:
        raise WrongEntry(problems)
    return given


def find_template_problems(
    kind: EntryKind, workspace: Workspace, template: PromptTemplate | None
) -> list[Problem]:
    if template is None:
        return []
    if template.workspace_id != workspace.pk:
        return [Problem("template", "is not in this workspace; choose one of its own")]
    if template.tier != kind.value:
        return [Problem("template", f"is of the tier {template.tier}; choose one of the tier {kind.value}")]
    return []


def is_name_taken(kind: EntryKind, workspace: Workspace, given: Mapping[str, Any], *, entry: Any) -> bool:
    name = given.get("name", entry and entry.name)
    others = find_entries(kind, workspace).exclude(pk=entry and entry.pk)
    if kind == EntryKind.OPTION:
        of_list = given.get("kind", entry and entry.kind)
        return bool(others.filter(kind=of_list, name=name).exists())
    return bool(others.alias(folded=Lower("name")).filter(folded=Lower(Value(name))).exists())


def _make_taken_problem(noun: str) -> Problem:
    return Problem(
        "name", f"another {noun} of this workspace has this name; choose another, or restore that one"
    )


def _find_last_position(kind: EntryKind, workspace: Workspace, given: Mapping[str, Any]) -> int:
    entries = find_entries(kind, workspace)
    if kind == EntryKind.OPTION:
        entries = entries.filter(kind=given["kind"])
    return int(entries.order_by().aggregate(last=Max("position"))["last"] or 0)


def _find_free_name(entry: Any) -> str:
    """`name copy`, or if that is taken `name copy 2`, `name copy 3`, ..."""
    kind, base = get_kind(entry), f"{entry.name[:180]} copy"
    of_list = {"kind": entry.kind} if isinstance(entry, Option) else {}
    names = (base if number == 1 else f"{base} {number}" for number in itertools.count(1))
    return next(
        name
        for name in names
        if not is_name_taken(kind, entry.workspace, {**of_list, "name": name}, entry=None)
    )
