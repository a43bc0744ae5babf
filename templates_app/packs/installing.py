"""What one does with templates that touches several rows."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.packs.pack import STARTER_PACK, PackTemplate, load_pack
from templates_app.packs.pack_rows import load_rows
from workspaces.audit import record
from workspaces.models import User, Workspace
from workspaces.states import Action, TargetKind


@transaction.atomic
def bring_in_pack(workspace: Workspace, *, pack: str = STARTER_PACK, by: User | None = None) -> int:
    """Bring a pack's templates, scenarios, edge cases and options into a workspace; returns how many rows were made.

    Running it again changes nothing. A template whose text in the pack has changed gets a new version, unless a
    person has published one of his own since: his stands. So does every other row that a person has changed.
    """
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    given = load_pack(pack)
    versions = sum(_load(workspace, pack, template, by=by) for template in given.templates)
    rows = versions + load_rows(workspace, given, by=by)
    if rows:
        after = {"rows": rows}
        record(
            action=Action.IMPORT, kind=TargetKind.PACK, name=pack, workspace=workspace.pk, by=by, after=after
        )
    return rows


load_pack_templates = bring_in_pack  # as it was called when a pack brought templates only


def _load(workspace: Workspace, pack: str, given: PackTemplate, *, by: User | None) -> bool:
    owner = {"workspace": workspace, "created_by": by}
    template, _ = PromptTemplate.objects.get_or_create(
        workspace=workspace, name=given.name, defaults={"tier": given.tier, "pack": pack, "created_by": by}
    )
    newest = template.versions.order_by("-number").first()
    content = _content(given)
    if newest and (
        newest.created_by_id is not None
        or all(getattr(newest, name) == value for name, value in content.items())
    ):
        return False
    number = newest.number + 1 if newest else 1
    note = f"From the starter pack {pack}"
    TemplateVersion.objects.create(
        template=template, number=number, note=note, published_at=timezone.now(), **owner, **content
    )
    return True


def _content(given: PackTemplate) -> dict[str, Any]:
    return {
        "text": given.text,
        "system_prompt": given.system_prompt,
        "training_system_prompt": given.training_system_prompt,
        "variables": given.variables,
        "language": given.language,
        "model": given.model,
        "turns_min": given.turns_min,
        "turns_max": given.turns_max,
    }
