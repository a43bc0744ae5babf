"""Installs a starter pack in a workspace: its templates, scenarios, edge cases and options.

Installing a pack again is safe. What a person has changed, renamed or archived stays as it is.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from templates_app.models import (
    EdgeCase,
    LibraryEntry,
    Option,
    OptionKind,
    PromptTemplate,
    Scenario,
    Situation,
    TemplateVersion,
)
from templates_app.packs.pack import STARTER_PACK, Pack, PackItem, PackTemplate, load_pack
from templates_app.packs.template_file import to_content
from workspaces.audit import record
from workspaces.models import User, Workspace
from workspaces.states import Action, TargetKind

LONGEST_NAME = 200


@transaction.atomic
def install_pack(workspace: Workspace, *, pack: str = STARTER_PACK, by: User | None = None) -> int:
    """Install a pack in a workspace. Returns how many versions and library entries were made or updated.

    When the text of a template has changed in the pack, the template gets a new version, unless a person has published
    a version since. Library entries that a person has changed are left alone too.
    """
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    given = load_pack(pack)
    versions = sum(_install_template(workspace, pack, template, by=by) for template in given.templates)
    count = versions + install_entries(workspace, given, by=by)
    if count:
        after = {"rows": count}
        record(
            action=Action.IMPORT, kind=TargetKind.PACK, name=pack, workspace=workspace.pk, by=by, after=after
        )
    return count


def _install_template(workspace: Workspace, pack: str, given: PackTemplate, *, by: User | None) -> bool:
    owner = {"workspace": workspace, "created_by": by}
    template = _find_or_make_template(workspace, pack, given, by=by)
    newest = template.newest_version()
    content = to_content(given)
    if newest and (newest.created_by_id is not None or not newest.content().differs_from(content)):
        return False
    number = newest.number + 1 if newest else 1
    note = f"From the starter pack {pack}"
    TemplateVersion.objects.create(
        template=template,
        number=number,
        note=note,
        published_at=timezone.now(),
        **owner,
        **content.as_fields(),
    )
    return True


def _find_or_make_template(
    workspace: Workspace, pack: str, given: PackTemplate, *, by: User | None
) -> PromptTemplate:
    """The pack's template, found by its key, so that a renamed one is not made again."""
    mine = PromptTemplate.objects.filter(workspace=workspace)
    found: PromptTemplate | None = mine.filter(pack=pack, pack_key=given.name).first()
    if found is not None:
        return found
    template: PromptTemplate
    template, _ = PromptTemplate.objects.get_or_create(
        workspace=workspace,
        name=given.name,
        defaults={"tier": given.tier, "pack": pack, "pack_key": given.name, "created_by": by},
    )
    return template


# --- scenarios, edge cases and options -----------------------------------------------------------------


class PackEntry(NamedTuple):
    """A library entry as the pack has it: `key` identifies it in the pack, `fields` is what it says."""

    key: str
    fields: Mapping[str, Any]


def install_entries(workspace: Workspace, pack: Pack, *, by: User | None) -> int:
    """Make the entries that are missing and update those that nobody has changed. Returns how many.

    An entry is found by its key in the pack, so one that a person has renamed or archived is not made again.
    The caller holds the workspace's lock.
    """
    mine = PromptTemplate.objects.filter(workspace=workspace)
    of_pack = mine.filter(pack=pack.name).exclude(pack_key="")
    templates = dict(mine.values_list("name", "pk")) | dict(of_pack.values_list("pack_key", "pk"))
    installed = 0
    for model in (Scenario, EdgeCase):
        items = [item for item in pack.items if item.tier == model.tier]
        given = [
            _read_situation(item, number, template_id=templates.get(item.template))
            for number, item in enumerate(items, start=1)
        ]
        installed += _install(model, given, workspace=workspace, pack=pack.name, by=by)
    return installed + _install(Option, _read_options(pack), workspace=workspace, pack=pack.name, by=by)


def _read_situation(item: PackItem, number: int, *, template_id: Any) -> PackEntry:
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
    return PackEntry(item.topic, fields)


def _read_options(pack: Pack) -> Iterable[PackEntry]:
    for kind in OptionKind:
        for number, option in enumerate(pack.options.get(f"{kind.value}s", ()), start=1):
            fields = {
                "kind": kind.value,
                "name": option.name,
                "description": option.description,
                "position": number,
            }
            yield PackEntry(f"{kind.value}: {option.name}", fields)


def _install(
    model: type[LibraryEntry],
    given: Iterable[PackEntry],
    *,
    workspace: Workspace,
    pack: str,
    by: User | None,
) -> int:
    entries: list[Any] = list(model._default_manager.filter(workspace=workspace))
    known = {entry.pack_key: entry for entry in entries if entry.pack == pack and entry.pack_key}
    taken = {_unique_key(entry) for entry in entries}
    new, updated = [], []
    for key, fields in given:
        if key in known:
            updated += [known[key]] if _update(known[key], fields) else []
            continue
        entry = model(workspace=workspace, created_by=by, pack=pack, pack_key=key, **fields)
        _choose_free_name(entry, taken)
        entry.pack_print = entry.fingerprint()
        new.append(entry)
    model._default_manager.bulk_create(new)
    if updated:
        model._default_manager.bulk_update(updated, [*_field_names(model), "pack_print"])
    return len(new) + len(updated)


def _update(entry: Any, fields: Mapping[str, Any]) -> bool:
    """Take over what the pack says now. Name and position stay: they may have been taken when it was installed."""
    if not entry.is_unchanged_since_its_pack:
        return False
    changed = {
        name: value
        for name, value in fields.items()
        if name not in ("name", "position") and getattr(entry, name) != value
    }
    for name, value in changed.items():
        setattr(entry, name, value)
    entry.pack_print = entry.fingerprint()
    return bool(changed)


def _choose_free_name(entry: Any, taken: set[tuple[str, str]]) -> None:
    """If a person's own entry has the name already, the pack's entry gets a number after its name."""
    name, number = entry.name, 2
    while _unique_key(entry) in taken:
        entry.name = f"{name[: LONGEST_NAME - 5]} {number}"
        number += 1
    taken.add(_unique_key(entry))


def _unique_key(entry: Any) -> tuple[str, str]:
    """What must be unique in a workspace: an option's kind and name, else the name in lower case."""
    return (entry.kind, entry.name) if isinstance(entry, Option) else ("", entry.name.lower())


def _field_names(model: type[LibraryEntry]) -> list[str]:
    return [name.removesuffix("_id") for name in model.CONTENT_FIELDS]
