"""What a file would change in a workspace, and changing it: all or nothing, after a person has seen it."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Max

from lib.csv_table import HEADER_ROW
from lib.row_problems import RowProblem, RowsError
from templates_app.library.checks import shown
from templates_app.library.files import FileRow, Sheet, bounded, load
from templates_app.library.kinds import MODELS, WORDS, file_fields, rows_of
from templates_app.models import PlanRow, PromptTemplate
from templates_app.models.import_files import ImportFile
from templates_app.states import RowKind
from workspaces.audit import record
from workspaces.models import User, Workspace
from workspaces.states import Action, TargetKind

NEW, CHANGED, RESTORED, SAME = "new", "changed", "restored", "same"
BATCH = 500
LONGEST_SHOWN = 240


class Outdated(Exception):
    """The rows have changed since the person looked: the preview has to be looked at again. Nothing was stored."""


class FieldChange(NamedTuple):
    name: str
    before: Any
    after: Any

    @property
    def was(self) -> str:
        return brief(self.before)

    @property
    def becomes(self) -> str:
        return brief(self.after)


def brief(value: Any) -> str:
    """A value for eyes: in a line or two, cut where it is long."""
    if isinstance(value, dict):
        text = "; ".join(f"{name}: {each}" for name, each in value.items())
    elif isinstance(value, list):
        text = "; ".join(value)
    else:
        text = f"{value.normalize():f}" if isinstance(value, Decimal) else str(value or "")
    return (text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…") or "nothing"


@dataclass(frozen=True, kw_only=True)
class RowChange:
    """One row of the file: what would happen with it. `row` is the one that is there already."""

    number: int
    name: str
    verb: str
    fields: Sequence[FieldChange]
    row: PlanRow | None


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Everything that a file would do. With problems there are no changes: nothing of the file is taken."""

    kind: RowKind
    changes: Sequence[RowChange] = ()
    problems: Sequence[RowProblem] = ()
    unguarded: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def does_something(self) -> bool:
        return any(change.verb != SAME for change in self.changes)

    @property
    def digest(self) -> str:
        """Of all that would be done. The same digest means that a person has seen this."""
        said = [(each.number, each.name, each.verb, list(each.fields)) for each in self.changes]
        return hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()

    @property
    def outcome(self) -> str:
        words = WORDS[self.kind]
        parts = {
            NEW: f"{self.counts.get(NEW, 0):,} made",
            CHANGED: f"{self.counts.get(CHANGED, 0):,} changed",
            RESTORED: f"{self.counts.get(RESTORED, 0):,} restored",
            SAME: f"{self.counts.get(SAME, 0):,} as they were",
        }
        return f"{words.several.capitalize()}: {', '.join(text for verb, text in parts.items() if self.counts.get(verb))}."


def preview(content: bytes, *, name: str, kind: RowKind, workspace: Workspace) -> Preview:
    """Read, check and compare with the workspace's rows, by name. It stores nothing and never raises for a bad file."""
    try:
        sheet = load(content, name=name, kind=kind)
    except RowsError as wrong:
        return Preview(kind=kind, problems=wrong.problems)
    comparison = _Comparison(sheet, kind=kind, workspace=workspace)
    changes = list(comparison.changes())
    if sheet.problems:
        return Preview(kind=kind, problems=bounded(sheet.problems))
    counts = Counter(change.verb for change in changes)
    return Preview(kind=kind, changes=changes, unguarded=sheet.unguarded, counts=counts)


class _Comparison:
    """The file's rows beside the workspace's; what is wrong is blamed on the sheet."""

    def __init__(self, sheet: Sheet, *, kind: RowKind, workspace: Workspace) -> None:
        self.sheet, self.kind = sheet, kind
        self.folded = folded([row.fields.get("name", "") for row in sheet.rows])
        rows = list(rows_of(kind, workspace))
        here = folded([row.name for row in rows])
        self.known = {self._place(row.name, getattr(row, "kind", ""), here): row for row in rows}
        self.templates = {}
        if kind != RowKind.OPTION:
            found = PromptTemplate.objects.filter(workspace=workspace)
            self.templates = {template.name: template for template in found}

    def _place(self, name: str, kind: str, lower: Mapping[str, str]) -> tuple[str, str]:
        """What is there once in a workspace: a name whatever its case, an option's name in its list."""
        return (kind, name) if self.kind == RowKind.OPTION else ("", lower[name])

    def changes(self) -> Iterator[RowChange]:
        seen: dict[tuple[str, str], int] = {}
        for row in self.sheet.rows:
            place = self._place(row.fields.get("name", ""), row.fields.get("kind", ""), self.folded)
            if place in seen and place[1]:
                self.sheet.blame(row.number, "name", f"is in row {seen[place]} too; keep one of them.")
                continue
            seen[place] = row.number
            self._check_template(row)
            yield self._change(row, self.known.get(place))

    def _check_template(self, row: FileRow) -> None:
        name = row.fields.get("template", "")
        found = self.templates.get(name)
        tier = self.kind.value
        if name and found is None:
            fitting = sorted(each.name for each in self.templates.values() if each.tier == tier)
            known = ", ".join(fitting[:10]) or "none yet"
            message = f"There is no template {shown(name)} here; of the tier {tier} there are: {known}."
            self.sheet.blame(row.number, "template", message)
        elif found is not None and found.tier != tier:
            message = (
                f"{shown(name)} is of the tier {found.tier}; name one of the tier {tier}, or leave it empty."
            )
            self.sheet.blame(row.number, "template", message)

    def _change(self, row: FileRow, here: PlanRow | None) -> RowChange:
        before = file_fields(here) if here else {}
        if here is None and self.kind != RowKind.OPTION and "topic" not in row.fields:
            self._blame_topic(row)
        fields = [
            FieldChange(name, before.get(name), value)
            for name, value in self._merged(row.fields, before).items()
            if name not in before or before[name] != value
        ]
        return RowChange(
            number=row.number,
            name=row.fields.get("name", ""),
            verb=_verb(here, fields),
            fields=fields,
            row=here,
        )

    def _merged(self, given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """A CSV file leaves those parameters alone that it has no column for."""
        if "parameters" not in given or not self.sheet.columns:
            return dict(given)
        named = {name for name in self.sheet.columns if name.startswith("parameters.")}
        kept = {
            name: text
            for name, text in before.get("parameters", {}).items()
            if f"parameters.{name}" not in named
        }
        return {**given, "parameters": {**kept, **given["parameters"]}}

    def _blame_topic(self, row: FileRow) -> None:
        words = WORDS[self.kind]
        if self.sheet.columns:
            message = f"is missing: there are new {words.several}, and each needs a topic."
            self.sheet.blame(HEADER_ROW, "topic", message)
        else:
            self.sheet.blame(row.number, "topic", f"is missing: a new {words.one} needs a topic.")


def _verb(here: PlanRow | None, fields: Sequence[FieldChange]) -> str:
    if here is None:
        return NEW
    if here.archived_at:
        return RESTORED
    return CHANGED if fields else SAME


def folded(names: Sequence[str]) -> dict[str, str]:
    """Each name as the database lowers it, because its index decides which names are the same."""
    storable = [name.replace("\x00", "").encode("utf-8", "replace").decode() for name in names]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lower(name) FROM unnest(%s::text[]) WITH ORDINALITY AS names (name, n) ORDER BY n",
            [storable],
        )
        lowered = [row[0] for row in cursor.fetchall()]
    return dict(zip(names, lowered, strict=True))


# --- storing -----------------------------------------------------------------------------------------


@transaction.atomic
def import_file(kept: ImportFile, *, digest: str, by: User) -> str:
    """Do what the preview with this digest showed, and return it in words. Pressed twice it is done once.

    Raises Outdated when the rows have changed since, so that the file would now do something else.
    """
    workspace = Workspace.objects.select_for_update(no_key=True).get(pk=kept.workspace_id)
    now = ImportFile.objects.get(pk=kept.pk)
    if now.imported_at is not None:
        return now.outcome
    kind = RowKind(now.kind)
    _lock_rows(kind, workspace)
    found = preview(bytes(now.content), name=now.name, kind=kind, workspace=workspace)
    if found.problems or found.digest != digest:
        raise Outdated
    _store(found, workspace=workspace, by=by)
    now.mark_imported(found.outcome)
    after = {"rows": kind.label, **found.counts}
    record(action=Action.IMPORT, kind=TargetKind.IMPORT_FILE, target=now, by=by, after=after)
    return found.outcome


def _lock_rows(kind: RowKind, workspace: Workspace) -> None:
    """What is compared stays as it is until it is stored."""
    rows = MODELS[kind]._default_manager.filter(workspace=workspace).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))


def _store(found: Preview, *, workspace: Workspace, by: User) -> None:
    model = MODELS[found.kind]
    templates = {each.name: each for each in PromptTemplate.objects.filter(workspace=workspace)}
    places = _Places(found.kind, workspace)
    new, old = [], []
    names: set[str] = set()
    for change in found.changes:
        columns = {each.name: each.after for each in change.fields}
        if "template" in columns:
            columns["template"] = templates.get(columns["template"])
        if change.row is None:
            position = places.next(columns.get("kind", ""))
            new.append(model(workspace=workspace, created_by=by, position=position, **columns))
        elif change.verb != SAME:
            for name, value in {**columns, "archived_at": None}.items():
                setattr(change.row, name, value)
            names |= {*columns, "archived_at"}
            old.append(change.row)
    model._default_manager.bulk_create(new, batch_size=BATCH)
    if old:
        model._default_manager.bulk_update(old, sorted(names), batch_size=BATCH)


class _Places:
    """New rows come after those that are there, in the order of the file; each option list counts for itself."""

    def __init__(self, kind: RowKind, workspace: Workspace) -> None:
        rows: Any = MODELS[kind]._default_manager.filter(workspace=workspace).order_by()
        self.last: dict[str, int]
        if kind == RowKind.OPTION:
            self.last = dict(rows.values_list("kind").annotate(last=Max("position")))
        else:
            self.last = {"": rows.aggregate(last=Max("position"))["last"] or 0}

    def next(self, kind: str) -> int:
        self.last[kind] = self.last.get(kind, 0) + 1
        return self.last[kind]
