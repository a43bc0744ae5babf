"""What people do with one scenario, edge case or option: make, change, duplicate, move. Every way in but files."""

import itertools
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, Value
from django.db.models.functions import Lower

from templates_app.library.checks import WrongRow, cleaned, row_problems
from templates_app.library.kinds import MODELS, rows_of
from templates_app.models import Option, PlanRow, PromptTemplate
from templates_app.prompts.editing import Overtaken
from templates_app.states import RowKind
from templates_app.text.rendering import Problem
from workspaces.models import User, Workspace

LARGEST_POSITION = 1_000_000


def kind_of(row: PlanRow) -> RowKind:
    return next(kind for kind, model in MODELS.items() if isinstance(row, model))


@transaction.atomic
def make(kind: RowKind, workspace: Workspace, fields: Mapping[str, Any], *, by: User | None) -> Any:
    """A new row, after those that are there. Raises WrongRow with every problem, by field."""
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)  # the name is checked, then taken
    given = _checked(kind, workspace, fields, row=None)
    given.setdefault("position", _last_place(kind, workspace, given) + 1)
    return MODELS[kind]._default_manager.create(workspace=workspace, created_by=by, **given)


def change(row: PlanRow, fields: Mapping[str, Any], *, by: User | None, seen: datetime | None = None) -> None:
    """Other values for these fields. Raises WrongRow; Overtaken when `seen` is not the row's `updated_at` any more."""
    try:
        with transaction.atomic():
            Workspace.objects.select_for_update(no_key=True).get(pk=row.workspace_id)
            given = _checked(kind_of(row), row.workspace, fields, row=row)
            rows = type(row)._default_manager.filter(pk=row.pk)
            found = rows.filter(updated_at=seen) if seen is not None else rows
            if given and not found.update(**given):
                raise Overtaken
    except IntegrityError as taken:  # by a way without the lock: the admin, say
        raise WrongRow([_taken(row.noun)]) from taken
    row.refresh_from_db()


def duplicate(row: PlanRow, *, by: User | None) -> Any:
    """A copy beside it, with a name of its own; it does not belong to a pack."""
    fields = {name.removesuffix("_id"): getattr(row, name.removesuffix("_id")) for name in row.SAYS}
    del fields["position"]
    return make(kind_of(row), row.workspace, {**fields, "name": _free_name(row)}, by=by)


@transaction.atomic
def move(option: Option, *, steps: int, by: User | None) -> None:
    """Up (negative) or down in its list, past those that are in use. At an end nothing happens."""
    Workspace.objects.select_for_update(no_key=True).get(pk=option.workspace_id)
    rows = list(
        Option.objects.filter(workspace=option.workspace_id, kind=option.kind)
        .usable()
        .order_by("position", "name")
    )
    at = next((index for index, each in enumerate(rows) if each.pk == option.pk), None)
    if at is None:
        return
    rows.insert(max(0, at + steps), rows.pop(at))
    moved = [row for number, row in enumerate(rows, start=1) if _put(row, number)]
    Option.objects.bulk_update(moved, ["position"])


def _put(row: Option, position: int) -> bool:
    moved, row.position = row.position != position, position
    return moved


# --- checks ------------------------------------------------------------------------------------------


def _checked(
    kind: RowKind, workspace: Workspace, fields: Mapping[str, Any], *, row: PlanRow | None
) -> dict[str, Any]:
    given = cleaned(kind, fields)
    problems = list(row_problems(kind, given))
    if "template" in given:
        problems += template_problems(kind, workspace, given["template"])
    if not 0 <= given.get("position", 0) <= LARGEST_POSITION:
        problems.append(Problem("position", f"must be a number from 0 to {LARGEST_POSITION:,}"))
    if not problems and name_is_taken(kind, workspace, given, row=row):
        problems.append(_taken(MODELS[kind].noun))
    if problems:
        raise WrongRow(problems)
    return given


def template_problems(kind: RowKind, workspace: Workspace, template: PromptTemplate | None) -> list[Problem]:
    if template is None:
        return []
    if template.workspace_id != workspace.pk:
        return [Problem("template", "is not in this workspace; choose one of its own")]
    if template.tier != kind.value:
        return [Problem("template", f"is of the tier {template.tier}; choose one of the tier {kind.value}")]
    return []


def name_is_taken(kind: RowKind, workspace: Workspace, given: Mapping[str, Any], *, row: Any) -> bool:
    name = given.get("name", row and row.name)
    others = rows_of(kind, workspace).exclude(pk=row and row.pk)
    if kind == RowKind.OPTION:
        of_list = given.get("kind", row and row.kind)
        return bool(others.filter(kind=of_list, name=name).exists())
    return bool(others.alias(folded=Lower("name")).filter(folded=Lower(Value(name))).exists())


def _taken(noun: str) -> Problem:
    return Problem(
        "name", f"another {noun} of this workspace has this name; choose another, or restore that one"
    )


def _last_place(kind: RowKind, workspace: Workspace, given: Mapping[str, Any]) -> int:
    rows = rows_of(kind, workspace)
    if kind == RowKind.OPTION:
        rows = rows.filter(kind=given["kind"])
    return int(rows.order_by().aggregate(last=Max("position"))["last"] or 0)


def _free_name(row: Any) -> str:
    """`name copy`, or `name copy 2`, `name copy 3`, ... where that is taken."""
    kind, base = kind_of(row), f"{row.name[:180]} copy"
    of_list = {"kind": row.kind} if isinstance(row, Option) else {}
    names = (base if number == 1 else f"{base} {number}" for number in itertools.count(1))
    return next(
        name for name in names if not name_is_taken(kind, row.workspace, {**of_list, "name": name}, row=None)
    )
