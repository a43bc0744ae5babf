"""The kinds of library entries: their models, their names in texts, and how their entries are found and exported."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db.models import Q

from templates_app.models import EdgeCase, LibraryEntry, Option, Scenario, Situation
from templates_app.states import EntryKind
from workspaces.models import Workspace

MODELS: dict[EntryKind, type[LibraryEntry]] = {
    EntryKind.SCENARIO: Scenario,
    EntryKind.EDGE_CASE: EdgeCase,
    EntryKind.OPTION: Option,
}


SEARCHED = {
    EntryKind.OPTION: ("name", "description"),
    EntryKind.SCENARIO: ("name", "topic", "persona", "context"),
    EntryKind.EDGE_CASE: ("name", "topic", "persona", "context"),
}


class KindTexts(NamedTuple):
    """The name of a kind in texts for people."""

    one: str
    several: str
    a: str


KIND_TEXTS = {
    EntryKind.SCENARIO: KindTexts("scenario", "scenarios", "a scenario"),
    EntryKind.EDGE_CASE: KindTexts("edge case", "edge cases", "an edge case"),
    EntryKind.OPTION: KindTexts("option", "options", "an option"),
}


def find_entries(kind: EntryKind, workspace: Workspace) -> Any:
    """All entries of a kind in a workspace, in the order of plans and files. The caller has checked the permission."""
    entries: Any = MODELS[kind]._default_manager.filter(workspace=workspace)
    return entries.select_related("template") if kind != EntryKind.OPTION else entries


def filter_entries(entries: Any, kind: EntryKind, wanted: Mapping[str, Any]) -> Any:
    """The entries that match a search (`q`), a `tag`, an option `list`, and whether they are `archived`."""
    entries = entries.filter(archived_at__isnull=not wanted["archived"])
    if wanted["q"]:
        texts = Q()
        for name in SEARCHED[kind]:
            texts |= Q(**{f"{name}__icontains": wanted["q"]})
        entries = entries.filter(texts)
    if kind == EntryKind.OPTION:
        entries = entries.filter(kind=wanted["list"]) if wanted["list"] else entries
        return entries.order_by("kind", "position", "name")
    entries = entries.tagged([wanted["tag"]]) if wanted["tag"] else entries
    return entries.select_related("template").order_by("position", "name")


def get_file_fields(entry: LibraryEntry) -> dict[str, Any]:
    """The fields of an entry as files have them, with the name of its template."""
    fields = {
        name: getattr(entry, name) for name in entry.CONTENT_FIELDS if name not in ("position", "template_id")
    }
    if isinstance(entry, Situation):
        fields["template"] = entry.template.name if entry.template else ""
    return fields
