"""Make, save, publish, roll back, duplicate and discard templates and their versions.

Each function locks the template first, so that two people who save or publish at the same time wait for each other.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max

from lib.stale_state import StaleState
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.prompts.checks import check_content, check_name
from templates_app.text.content import Content
from workspaces.audit import find_differences, record
from workspaces.models import User, Workspace
from workspaces.states import Action, TargetKind


class EditConflict(Exception):
    """Somebody else has saved since this person opened the editor. Nothing was written."""


def create(
    workspace: Workspace, *, name: str, tier: str, content: Content, by: User | None
) -> PromptTemplate:
    """A template with its first version, a draft. Raises WrongContent."""
    return create_recorded(workspace, Action.CREATE, name=name, tier=tier, content=content, by=by)


@transaction.atomic
def create_recorded(
    workspace: Workspace,
    action: Action,
    *,
    name: str,
    tier: str,
    content: Content,
    by: User | None,
    told: Mapping[str, Any] | None = None,
) -> PromptTemplate:
    name = name.strip()
    # The lock keeps the name free between the check and the insert.
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    check_name(workspace, name=name, tier=tier)
    check_content(content)
    template = PromptTemplate.objects.create(workspace=workspace, name=name, tier=tier, created_by=by)
    _add_version(template, content, by=by)
    _record(template, action, by=by, after={"tier": tier, **(told or {})})
    return template


@transaction.atomic
def rename(template: PromptTemplate, *, name: str, tier: str, by: User | None) -> None:
    """Change the name and the tier, which belong to the template and not to a version. Raises WrongContent."""
    name = name.strip()
    if (name, tier) == (template.name, template.tier):
        return
    Workspace.objects.select_for_update(no_key=True).get(pk=template.workspace_id)
    check_name(template.workspace, name=name, tier=tier, but=template.pk)
    rows = PromptTemplate.objects.filter(pk=template.pk)
    stored = rows.values("name", "tier").get()
    rows.update(name=name, tier=tier)
    template.name, template.tier = name, tier
    before, after = find_differences(stored, {"name": name, "tier": tier})
    _record(template, Action.RENAME, by=by, before=before, after=after)


@transaction.atomic
def save_draft(
    template: PromptTemplate, content: Content, *, by: User | None, seen: str | None = None
) -> TemplateVersion:
    """Save the content in the draft. If the newest version is published, a new draft is made.

    Nothing changes if the newest version has the same content. `seen` is the stamp (`make_stamp`) of the version that
    the person started from. Raises EditConflict when that is no longer the newest, and WrongContent.
    """
    check_content(content)
    newest = _lock_newest(template)
    if seen is not None and seen != make_stamp(newest):
        raise EditConflict
    if newest is not None and not newest.content().upgrade().differs_from(content):
        return newest
    if newest is None or not newest.is_draft:
        saved = _add_version(template, content, by=by)
    else:
        TemplateVersion.objects.filter(pk=newest.pk, published_at=None).update(**content.as_fields())
        newest.refresh_from_db()
        saved = newest
    after = {"version": saved.number, "characters": len(content.text)}
    _record(template, Action.SAVE_DRAFT, by=by, after=after)
    return saved


def make_stamp(version: TemplateVersion | None) -> str:
    """A text that changes whenever the newest version is saved."""
    return f"{version.number} {version.updated_at.isoformat()}" if version else "none"


@transaction.atomic
def publish_draft(
    template: PromptTemplate, *, note: str, by: User | None, keep: Collection[str] = ()
) -> TemplateVersion:
    """Publish the draft, so that new plans use it. Raises StaleState without a draft, and NotPublishable.

    Variables that its texts do not use are removed, except those to `keep`.
    """
    draft = _lock_draft(template, verb="published")
    draft.publish(by=by, note=note, keep=keep)
    return draft


@transaction.atomic
def discard_draft(template: PromptTemplate, *, by: User | None) -> None:
    """Delete the draft. Raises StaleState if there is none, and if the draft is the template's only version."""
    draft = _lock_draft(template, verb="discarded")
    if not template.versions.exclude(pk=draft.pk).exists():
        raise StaleState("template", verb="left without a version", status="new")
    _record(template, Action.DISCARD, by=by, before={"version": draft.number})
    draft.delete()


@transaction.atomic
def roll_back(template: PromptTemplate, *, to: int, note: str, by: User | None) -> TemplateVersion:
    """Publish the content of an old version as a new one. Raises StaleState if there is a draft, and NotPublishable."""
    newest = _lock_newest(template)
    if newest is not None and newest.is_draft:
        raise StaleState("template", verb="rolled back", status=f"open as draft {newest.number}")
    old = template.versions.get(number=to)
    made = _add_version(template, old.content(), by=by)
    made.publish(by=by, note=note.strip() or f"Back to version {to}", back_to=to)
    return made


@transaction.atomic
def duplicate(
    template: PromptTemplate, *, into: Workspace, by: User | None, version: TemplateVersion | None = None
) -> PromptTemplate:
    """Make a template whose first draft has the content of this template's newest version, or of the given version."""
    source = version or template.newest_version()
    content = source.content() if source else Content()
    name = find_free_name(into, f"{template.name[:180]} copy")
    told = {"copy_of": template.name, "copy_of_id": template.pk}
    return create_recorded(
        into, Action.DUPLICATE, name=name, tier=template.tier, content=content, by=by, told=told
    )


def find_free_name(workspace: Workspace, name: str) -> str:
    """The name itself, or if it is taken `name 2`, `name 3`, ..."""
    taken = set(
        PromptTemplate.objects.filter(workspace=workspace, name__startswith=name).values_list(
            "name", flat=True
        )
    )
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return next(each for each in (name, *numbered) if each not in taken)


def _lock_newest(template: PromptTemplate) -> TemplateVersion | None:
    PromptTemplate.objects.select_for_update(no_key=True).get(pk=template.pk)
    return template.newest_version()


def _lock_draft(template: PromptTemplate, *, verb: str) -> TemplateVersion:
    newest = _lock_newest(template)
    if newest is None or not newest.is_draft:
        raise StaleState("template version", verb=verb, status="published")
    return newest


def _record(template: PromptTemplate, action: Action, *, by: User | None, **changed: Any) -> None:
    record(action=action, kind=TargetKind.TEMPLATE, target=template, by=by, **changed)


def _add_version(template: PromptTemplate, content: Content, *, by: User | None) -> TemplateVersion:
    newest = template.versions.aggregate(newest=Max("number"))["newest"] or 0
    made = TemplateVersion.objects.create(
        template=template,
        workspace_id=template.workspace_id,
        number=newest + 1,
        created_by=by,
        **content.as_fields(),
    )
    made.refresh_from_db(fields=["created_at", "updated_at"])
    return made
