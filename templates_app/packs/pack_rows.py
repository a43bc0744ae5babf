"""A starter pack's scenarios, edge cases and options as rows of a workspace; what a person has changed stays."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from templates_app.models import EdgeCase, Option, OptionKind, PlanRow, PromptTemplate, Scenario, Situation
from templates_app.packs.pack import Pack, PackItem
from workspaces.models import User, Workspace

LONGEST_NAME = 200


class Given(NamedTuple):
    """A row as the pack has it: `key` is its name there, `fields` what it says."""

    key: str
    fields: Mapping[str, Any]


def load_rows(workspace: Workspace, pack: Pack, *, by: User | None) -> int:
    """Make what is missing, renew what nobody has touched; returns how many rows were made or renewed.

    A row is known by its key in the pack, so that one which a person has renamed or archived is not made again.
    The caller holds the workspace's lock.
    """
    templates = dict(PromptTemplate.objects.filter(workspace=workspace).values_list("name", "pk"))
    loaded = 0
    for model in (Scenario, EdgeCase):
        items = [item for item in pack.items if item.tier == model.tier]
        given = [
            _situation(item, number, template_id=templates.get(item.template))
            for number, item in enumerate(items, start=1)
        ]
        loaded += _load(model, given, workspace=workspace, pack=pack.name, by=by)
    return loaded + _load(Option, _options(pack), workspace=workspace, pack=pack.name, by=by)


def _situation(item: PackItem, number: int, *, template_id: Any) -> Given:
    own = {name: item.parameters.get(name, "") for name in Situation.VALUES if name != "topic"}
    others = {name: value for name, value in item.parameters.items() if name not in Situation.VALUES}
    fields = {
        **own,
        "name": item.topic[:LONGEST_NAME],
        "topic": item.topic,
        "tags": list(item.category),
        "parameters": others,
        "template_id": template_id,
        "position": number,
    }
    return Given(item.topic, fields)


def _options(pack: Pack) -> Iterable[Given]:
    for kind in OptionKind:
        for number, option in enumerate(pack.options.get(f"{kind.value}s", ()), start=1):
            fields = {
                "kind": kind.value,
                "name": option.name,
                "description": option.description,
                "position": number,
            }
            yield Given(f"{kind.value}: {option.name}", fields)


def _load(
    model: type[PlanRow], given: Iterable[Given], *, workspace: Workspace, pack: str, by: User | None
) -> int:
    rows: list[Any] = list(model._default_manager.filter(workspace=workspace))
    known = {row.pack_key: row for row in rows if row.pack == pack and row.pack_key}
    taken = {_place(row) for row in rows}
    new, renewed = [], []
    for key, fields in given:
        if key in known:
            renewed += [known[key]] if _renew(known[key], fields) else []
            continue
        row = model(workspace=workspace, created_by=by, pack=pack, pack_key=key, **fields)
        _find_free_name(row, taken)
        row.pack_print = row.fingerprint()
        new.append(row)
    model._default_manager.bulk_create(new)
    if renewed:
        model._default_manager.bulk_update(renewed, [*_columns(model), "pack_print"])
    return len(new) + len(renewed)


def _renew(row: Any, fields: Mapping[str, Any]) -> bool:
    """Takes over what the pack says now, name and place excepted: those may have been found taken."""
    if not row.is_as_its_pack_made_it:
        return False
    changed = {
        name: value
        for name, value in fields.items()
        if name not in ("name", "position") and getattr(row, name) != value
    }
    for name, value in changed.items():
        setattr(row, name, value)
    row.pack_print = row.fingerprint()
    return bool(changed)


def _find_free_name(row: Any, taken: set[tuple[str, str]]) -> None:
    """A person's own row of that name keeps it; the pack's gets a number."""
    name, number = row.name, 2
    while _place(row) in taken:
        row.name = f"{name[: LONGEST_NAME - 5]} {number}"
        number += 1
    taken.add(_place(row))


def _place(row: Any) -> tuple[str, str]:
    """What is there once in a workspace. Names of situations differ in more than upper and lower case."""
    return (row.kind, row.name) if isinstance(row, Option) else ("", row.name.lower())


def _columns(model: type[PlanRow]) -> list[str]:
    return [name.removesuffix("_id") for name in model.SAYS]
