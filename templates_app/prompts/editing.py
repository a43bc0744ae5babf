"""What people do with templates: make, save a draft, publish, go back, duplicate, import, discard.

Each takes the template's row lock first, so that two people who save or publish at once are one after the other.
"""

from django.db import transaction
from django.db.models import Max

from lib.stale_state import StaleState
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.packs import template_file
from templates_app.prompts.checks import check_content, check_name
from templates_app.text.content import Content
from workspaces.models import User, Workspace


class Overtaken(Exception):
    """Somebody has saved since this person opened the editor; nothing was written."""


@transaction.atomic
def create(
    workspace: Workspace, *, name: str, tier: str, content: Content, by: User | None
) -> PromptTemplate:
    """A template with its first version, a draft. Raises WrongContent."""
    name = name.strip()
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)  # the name is checked, then taken
    check_name(workspace, name=name, tier=tier)
    check_content(content)
    template = PromptTemplate.objects.create(workspace=workspace, name=name, tier=tier, created_by=by)
    _add(template, content, by=by)
    return template


@transaction.atomic
def rename(template: PromptTemplate, *, name: str, tier: str, by: User | None) -> None:
    """Its name and tier belong to the template, not to a version. Raises WrongContent."""
    name = name.strip()
    if (name, tier) == (template.name, template.tier):
        return
    Workspace.objects.select_for_update(no_key=True).get(pk=template.workspace_id)
    check_name(template.workspace, name=name, tier=tier, but=template.pk)
    PromptTemplate.objects.filter(pk=template.pk).update(name=name, tier=tier)
    template.name, template.tier = name, tier


@transaction.atomic
def save_draft(
    template: PromptTemplate, content: Content, *, by: User | None, seen: str | None = None
) -> TemplateVersion:
    """The open draft gets this content; after a published version it is the next number.

    The same content as the newest version changes nothing. `seen` is the `stamp` of the version that the person
    started from: Overtaken when it is not the newest any more. Raises WrongContent.
    """
    check_content(content)
    newest = _locked_newest(template)
    if seen is not None and seen != stamp(newest):
        raise Overtaken
    if newest is None:
        return _add(template, content, by=by)
    if not newest.content().differs_from(content):
        return newest
    if not newest.is_draft:
        return _add(template, content, by=by)
    TemplateVersion.objects.filter(pk=newest.pk, published_at=None).update(**content.as_fields())
    newest.refresh_from_db()
    return newest


def stamp(version: TemplateVersion | None) -> str:
    """Changes with every saving of the newest version."""
    return f"{version.number} {version.updated_at.isoformat()}" if version else "none"


@transaction.atomic
def publish_draft(template: PromptTemplate, *, note: str, by: User | None) -> TemplateVersion:
    """The open draft becomes what new plans use. Raises StaleState without a draft, NotPublishable."""
    draft = _locked_draft(template, verb="published")
    draft.publish(by=by, note=note)
    return draft


@transaction.atomic
def discard_draft(template: PromptTemplate, *, by: User | None) -> None:
    """The open draft goes; the versions before it stay. Raises StaleState, also for a template's only version."""
    draft = _locked_draft(template, verb="discarded")
    if not template.versions.exclude(pk=draft.pk).exists():
        raise StaleState("template", verb="left without a version", status="new")
    draft.delete()


@transaction.atomic
def roll_back(template: PromptTemplate, *, to: int, note: str, by: User | None) -> TemplateVersion:
    """A new published version with the content of an old one. Raises StaleState while a draft is open, NotPublishable."""
    newest = _locked_newest(template)
    if newest is not None and newest.is_draft:
        raise StaleState("template", verb="rolled back", status=f"open as draft {newest.number}")
    old = template.versions.get(number=to)
    made = _add(template, old.content(), by=by)
    made.publish(by=by, note=note.strip() or f"Back to version {to}")
    return made


@transaction.atomic
def duplicate(
    template: PromptTemplate, *, into: Workspace, by: User | None, version: TemplateVersion | None = None
) -> PromptTemplate:
    """A new template whose first draft is this one's newest version, or the one given."""
    source = version or template.newest_version()
    content = source.content() if source else Content()
    name = free_name(into, f"{template.name[:180]} copy")
    return create(into, name=name, tier=template.tier, content=content, by=by)


def import_file(workspace: Workspace, given: bytes, *, by: User | None) -> PromptTemplate:
    """A new template from a file; a taken name gets a number. Raises PackError, WrongContent."""
    found = template_file.load(given)
    name = free_name(workspace, found.name[:190])
    return create(workspace, name=name, tier=found.tier, content=template_file.content_of(found), by=by)


def free_name(workspace: Workspace, name: str) -> str:
    """The name itself, or `name 2`, `name 3`, ... where it is taken."""
    taken = set(
        PromptTemplate.objects.filter(workspace=workspace, name__startswith=name).values_list(
            "name", flat=True
        )
    )
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return next(each for each in (name, *numbered) if each not in taken)


def _locked_newest(template: PromptTemplate) -> TemplateVersion | None:
    PromptTemplate.objects.select_for_update(no_key=True).get(pk=template.pk)
    return template.newest_version()


def _locked_draft(template: PromptTemplate, *, verb: str) -> TemplateVersion:
    newest = _locked_newest(template)
    if newest is None or not newest.is_draft:
        raise StaleState("template version", verb=verb, status="published")
    return newest


def _add(template: PromptTemplate, content: Content, *, by: User | None) -> TemplateVersion:
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
