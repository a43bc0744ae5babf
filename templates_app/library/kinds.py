"""The tables whose rows travel in files: which model, which words. One place that the pages, the API and imports ask."""

from typing import Any, NamedTuple

from templates_app.models import EdgeCase, Option, PlanRow, Scenario, Situation
from templates_app.states import RowKind
from workspaces.models import Workspace

MODELS: dict[RowKind, type[PlanRow]] = {
    RowKind.SCENARIO: Scenario,
    RowKind.EDGE_CASE: EdgeCase,
    RowKind.OPTION: Option,
}


class Words(NamedTuple):
    one: str
    several: str
    a: str


WORDS = {
    RowKind.SCENARIO: Words("scenario", "scenarios", "a scenario"),
    RowKind.EDGE_CASE: Words("edge case", "edge cases", "an edge case"),
    RowKind.OPTION: Words("option", "options", "an option"),
}


def rows_of(kind: RowKind, workspace: Workspace) -> Any:
    """All rows of a workspace, in the order of plans and files; the caller has checked who asks."""
    rows: Any = MODELS[kind]._default_manager.filter(workspace=workspace)
    return rows.select_related("template") if kind != RowKind.OPTION else rows


def file_fields(row: PlanRow) -> dict[str, Any]:
    """A row as files have it: the template by its name."""
    fields = {name: getattr(row, name) for name in row.SAYS if name not in ("position", "template_id")}
    if isinstance(row, Situation):
        fields["template"] = row.template.name if row.template else ""
    return fields
