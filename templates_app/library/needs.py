"""What a scenario or an edge case lacks for its template, so that this is said when it is saved and not by a plan."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lib.row_problems import RowProblem
from templates_app.library.importing import SAME, RowChange
from templates_app.library.kinds import MODELS, get_file_fields
from templates_app.models import PromptTemplate, Situation, TemplateVersion
from templates_app.states import EntryKind
from templates_app.text.rendering import Problem, ValuesError, VariableError, resolve
from workspaces.models import Workspace


def find_lacking(entry: Situation) -> list[Problem]:
    """Every value that its template needs and the entry does not have, or has in a wrong form; with the name of the variable.

    Empty as long as there is no published template for it.
    """
    return _compare(find_version(entry), entry.values())


def find_version(entry: Situation) -> TemplateVersion | None:
    """The version that a plan would use: of the entry's own template, or of the newest of its tier."""
    template = find_template(entry.workspace_id, tier=entry.tier, template_id=entry.template_id)
    return template.published_version() if template else None


def find_template(workspace_id: Any, *, tier: str, template_id: Any) -> PromptTemplate | None:
    mine = PromptTemplate.objects.filter(workspace=workspace_id).usable()
    chosen = mine.filter(pk=template_id) if template_id is not None else mine.filter(tier=tier)
    found: PromptTemplate | None = chosen.order_by("-created_at", "-name").first()
    return found


def describe_lacking(entry: Situation) -> str:
    """A sentence about what is lacking; empty if nothing is."""
    version = find_version(entry)
    problems = _compare(version, entry.values())
    if version is None or not problems:
        return ""
    told = "; ".join(f"{problem.name} {problem.message}" for problem in problems)
    return f"No plan can use “{entry.name}” yet. The template “{version.template.name}” needs: {told}."


def find_lacking_rows(
    changes: Sequence[RowChange], *, kind: EntryKind, workspace: Workspace
) -> list[RowProblem]:
    """What the rows of a file lack that would be made or changed, by row and variable."""
    return [] if kind == EntryKind.OPTION else list(_iter_lacking_rows(changes, kind, workspace))


def _iter_lacking_rows(
    changes: Sequence[RowChange], kind: EntryKind, workspace: Workspace
) -> Iterator[RowProblem]:
    ids = dict(PromptTemplate.objects.filter(workspace=workspace).values_list("name", "pk"))
    versions: dict[Any, TemplateVersion | None] = {}
    for change in changes:
        if change.verb == SAME:
            continue
        fields = get_file_fields(change.entry) if change.entry else {}
        fields |= {each.name: each.after for each in change.fields}
        template_id = ids.get(fields.pop("template", ""))
        if template_id not in versions:
            template = find_template(workspace.pk, tier=kind.value, template_id=template_id)
            versions[template_id] = template.published_version() if template else None
        for problem in _compare(versions[template_id], MODELS[kind](**fields).values()):  # type: ignore[attr-defined]
            yield RowProblem(change.number, problem.name, problem.message)


def _compare(version: TemplateVersion | None, values: Mapping[str, Any]) -> list[Problem]:
    if version is None:
        return []
    known = {name: value for name, value in values.items() if name in version.variable_names}
    try:
        resolve(version.typed_variables(), known)
    except ValuesError as wrong:
        return list(wrong.problems)
    except VariableError:  # the page of the template says what is wrong with it
        return []
    return []
