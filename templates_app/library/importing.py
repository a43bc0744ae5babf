"""Shows what a file would change in a workspace, and then makes these changes: all of them or none."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Max

from lib.amounts import format_number
from lib.row_problems import RowProblem, RowsError, limit_problems
from lib.same_text import compose, find_match
from templates_app.library.checks import quote_short
from templates_app.library.files import load
from templates_app.library.kinds import KIND_TEXTS, MODELS, find_entries, get_file_fields
from templates_app.library.sheet import FileRow, Sheet
from templates_app.models import LibraryEntry, PromptTemplate
from templates_app.models.import_files import ImportFile
from templates_app.states import EntryKind
from workspaces.audit import record
from workspaces.models import User, Workspace
from workspaces.states import Action, TargetKind

NEW, CHANGED, RESTORED, SAME = "new", "changed", "restored", "same"
BATCH = 500
LONGEST_SHOWN = 240


class PreviewOutdated(Exception):
    """The entries have changed since the preview, so the person must look at a new one. Nothing was stored."""


class FieldChange(NamedTuple):
    name: str
    before: Any
    after: Any

    @property
    def was(self) -> str:
        return shorten_value(self.before)

    @property
    def becomes(self) -> str:
        return shorten_value(self.after)


def shorten_value(value: Any) -> str:
    """A value for people: a line or two, shortened if it is long."""
    if isinstance(value, dict):
        text = "; ".join(f"{name}: {each}" for name, each in value.items())
    elif isinstance(value, list):
        text = "; ".join(value)
    else:
        text = format_number(value) if isinstance(value, Decimal) else str(value or "")
    return (text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…") or "nothing"


@dataclass(frozen=True, kw_only=True)
class RowChange:
    """What one row of the file would do. `entry` is the entry that exists already, if there is one."""

    number: int
    name: str
    verb: str
    fields: Sequence[FieldChange]
    entry: LibraryEntry | None


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Everything that a file would do. If it has problems there are no changes, because nothing of it is stored."""

    kind: EntryKind
    changes: Sequence[RowChange] = ()
    problems: Sequence[RowProblem] = ()
    notes: Sequence[str] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def does_something(self) -> bool:
        return any(change.verb != SAME for change in self.changes)

    @property
    def digest(self) -> str:
        """A hash of all changes. If it is unchanged, the person has seen exactly these changes."""
        changes = [(each.number, each.name, each.verb, list(each.fields)) for each in self.changes]
        return hashlib.sha256(json.dumps(changes, default=str).encode()).hexdigest()

    @property
    def outcome(self) -> str:
        texts = KIND_TEXTS[self.kind]
        parts = {
            NEW: f"{self.counts.get(NEW, 0):,} made",
            CHANGED: f"{self.counts.get(CHANGED, 0):,} changed",
            RESTORED: f"{self.counts.get(RESTORED, 0):,} restored",
            SAME: f"{self.counts.get(SAME, 0):,} as they were",
        }
        return f"{texts.several.capitalize()}: {', '.join(text for verb, text in parts.items() if self.counts.get(verb))}."


def preview_file(
    content: bytes, *, name: str, kind: EntryKind, workspace: Workspace, sheet_name: str = ""
) -> Preview:
    """Read and check a file, and compare it with the workspace's entries by name. Stores nothing; never raises."""
    try:
        sheet = load(content, name=name, kind=kind, sheet_name=sheet_name)
    except RowsError as wrong:
        return Preview(kind=kind, problems=wrong.problems)
    return _preview_sheet(sheet, kind=kind, workspace=workspace)


def _preview_sheet(sheet: Sheet, *, kind: EntryKind, workspace: Workspace) -> Preview:
    changes = list(_Comparison(sheet, kind=kind, workspace=workspace).find_changes())
    if sheet.problems:
        return Preview(kind=kind, problems=limit_problems(sheet.problems), notes=sheet.notes)
    counts = Counter(change.verb for change in changes)
    return Preview(kind=kind, changes=changes, notes=sheet.notes, counts=counts)


class _Comparison:
    """Compares the rows of the file with the entries of the workspace. Problems are added to the sheet."""

    def __init__(self, sheet: Sheet, *, kind: EntryKind, workspace: Workspace) -> None:
        self.sheet, self.kind = sheet, kind
        self.lower = lower_names([row.fields.get("name", "") for row in sheet.rows])
        entries = list(find_entries(kind, workspace))
        lower = lower_names([entry.name for entry in entries])
        self.known = {self._get_key(each.name, getattr(each, "kind", ""), lower): each for each in entries}
        self.templates = {}
        if kind != EntryKind.OPTION:
            found = PromptTemplate.objects.filter(workspace=workspace)
            self.templates = {template.name: template for template in found}

    def _get_key(self, name: str, kind: str, lower: Mapping[str, str]) -> tuple[str, str]:
        """What is unique in a workspace: an option's list and name, else the name in lower case."""
        return (kind, compose(name)) if self.kind == EntryKind.OPTION else ("", lower[name])

    def find_changes(self) -> Iterator[RowChange]:
        seen: dict[tuple[str, str], int] = {}
        for row in self.sheet.rows:
            key = self._get_key(row.fields.get("name", ""), row.fields.get("kind", ""), self.lower)
            if key in seen and key[1]:
                self.sheet.add_problem(row.number, "name", f"is in row {seen[key]} too; keep one of them.")
                continue
            seen[key] = row.number
            self._check_template(row)
            yield self._compare(row, self.known.get(key))

    def _check_template(self, row: FileRow) -> None:
        name = find_match(row.fields.get("template", ""), self.templates) or row.fields.get("template", "")
        if name:
            row.fields["template"] = name
        found = self.templates.get(name)
        tier = self.kind.value
        if name and found is None:
            fitting = sorted(each.name for each in self.templates.values() if each.tier == tier)
            known = ", ".join(fitting[:10]) or "none yet"
            message = f"There is no template {quote_short(name)} here; of the tier {tier} there are: {known}."
            self.sheet.add_problem(row.number, "template", message)
        elif found is not None and found.tier != tier:
            message = f"{quote_short(name)} is of the tier {found.tier}; name one of the tier {tier}, or leave it empty."
            self.sheet.add_problem(row.number, "template", message)

    def _compare(self, row: FileRow, entry: LibraryEntry | None) -> RowChange:
        before = get_file_fields(entry) if entry else {}
        if entry is None and self.kind != EntryKind.OPTION and "topic" not in row.fields:
            self._report_missing_topic(row)
        fields = [
            FieldChange(name, before.get(name), value)
            for name, value in self._merge_parameters(row.fields, before).items()
            if name not in before or not _is_same(name, before[name], value)
        ]
        return RowChange(
            number=row.number,
            name=row.fields.get("name", ""),
            verb=_choose_verb(entry, fields),
            fields=fields,
            entry=entry,
        )

    def _merge_parameters(self, given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """A CSV file does not change the parameters for which it has no column."""
        if "parameters" not in given or not self.sheet.columns:
            return dict(given)
        named = {name for name in self.sheet.columns if name.startswith("parameters.")}
        kept = {
            name: text
            for name, text in before.get("parameters", {}).items()
            if f"parameters.{name}" not in named
        }
        return {**given, "parameters": {**kept, **given["parameters"]}}

    def _report_missing_topic(self, row: FileRow) -> None:
        texts = KIND_TEXTS[self.kind]
        if self.sheet.columns:
            message = f"is missing: there are new {texts.several}, and each needs a topic."
            self.sheet.add_problem(self.sheet.header_row, "topic", message)
        else:
            self.sheet.add_problem(row.number, "topic", f"is missing: a new {texts.one} needs a topic.")


def _is_same(name: str, before: Any, value: Any) -> bool:
    """Whether a field stays as it is. A name that differs only in how its accents are composed is the same name."""
    return bool(before == value) or (name == "name" and compose(before) == compose(value))


def _choose_verb(entry: LibraryEntry | None, fields: Sequence[FieldChange]) -> str:
    if entry is None:
        return NEW
    if entry.archived_at:
        return RESTORED
    return CHANGED if fields else SAME


def lower_names(names: Sequence[str]) -> dict[str, str]:
    """Each name in lower case as the database makes it, because its index decides which names are the same.

    Accents are composed, so that a name from a Mac is the name that looks the same.
    """
    storable = [name.replace("\x00", "").encode("utf-8", "replace").decode() for name in names]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lower(normalize(name, NFC)) FROM unnest(%s::text[]) WITH ORDINALITY AS names (name, n) ORDER BY n",
            [storable],
        )
        lowered = [row[0] for row in cursor.fetchall()]
    return dict(zip(names, lowered, strict=True))


# --- storing -----------------------------------------------------------------------------------------


def import_file(file: ImportFile, *, digest: str, by: User) -> str:
    """Make the changes that the preview with this digest showed, and describe them. A second call does nothing.

    Raises PreviewOutdated when the file would now do something else, because the entries have changed.
    """
    now = ImportFile.objects.get(pk=file.pk)
    if now.imported_at is not None:
        return now.outcome
    try:
        sheet = load(bytes(now.content), name=now.name, kind=EntryKind(now.kind), sheet_name=now.sheet)
    except RowsError as wrong:
        raise PreviewOutdated from wrong
    return _import_sheet(now, sheet, digest=digest, by=by)


@transaction.atomic
def _import_sheet(file: ImportFile, sheet: Sheet, *, digest: str, by: User) -> str:
    """Compare and store. The file was read before, because a workbook takes time in which no row may be locked."""
    workspace = Workspace.objects.select_for_update(no_key=True).get(pk=file.workspace_id)
    now = ImportFile.objects.get(pk=file.pk)
    if now.imported_at is not None:
        return now.outcome
    kind = EntryKind(now.kind)
    _lock_entries(kind, workspace)
    found = _preview_sheet(sheet, kind=kind, workspace=workspace)
    if found.problems or found.digest != digest:
        raise PreviewOutdated
    _store(found, workspace=workspace, by=by)
    now.mark_imported(found.outcome)
    after = {"rows": kind.label, **found.counts}
    record(action=Action.IMPORT, kind=TargetKind.IMPORT_FILE, target=now, by=by, after=after)
    return found.outcome


def _lock_entries(kind: EntryKind, workspace: Workspace) -> None:
    """Nobody can change the entries between the comparison and the end of the transaction."""
    entries = MODELS[kind]._default_manager.filter(workspace=workspace).order_by("pk")
    list(entries.select_for_update(no_key=True).values_list("pk"))


def _store(found: Preview, *, workspace: Workspace, by: User) -> None:
    model = MODELS[found.kind]
    templates = {each.name: each for each in PromptTemplate.objects.filter(workspace=workspace)}
    positions = _Positions(found.kind, workspace)
    new, old = [], []
    names: set[str] = set()
    for change in found.changes:
        columns = {each.name: each.after for each in change.fields}
        if "template" in columns:
            columns["template"] = templates.get(columns["template"])
        if change.entry is None:
            position = positions.take_next(columns.get("kind", ""))
            new.append(model(workspace=workspace, created_by=by, position=position, **columns))
        elif change.verb != SAME:
            for name, value in {**columns, "archived_at": None}.items():
                setattr(change.entry, name, value)
            names |= {*columns, "archived_at"}
            old.append(change.entry)
    model._default_manager.bulk_create(new, batch_size=BATCH)
    if old:
        model._default_manager.bulk_update(old, sorted(names), batch_size=BATCH)


class _Positions:
    """The positions of new entries: after the existing ones, in the order of the file. Each option list has its own."""

    def __init__(self, kind: EntryKind, workspace: Workspace) -> None:
        entries: Any = MODELS[kind]._default_manager.filter(workspace=workspace).order_by()
        self.last: dict[str, int]
        if kind == EntryKind.OPTION:
            self.last = dict(entries.values_list("kind").annotate(last=Max("position")))
        else:
            self.last = {"": entries.aggregate(last=Max("position"))["last"] or 0}

    def take_next(self, kind: str) -> int:
        self.last[kind] = self.last.get(kind, 0) + 1
        return self.last[kind]
