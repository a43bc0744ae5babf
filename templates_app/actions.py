"""What one does with templates that touches several rows."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.packs import PackTemplate, load_pack
from workspaces.models import User, Workspace


@transaction.atomic
def load_pack_templates(
    workspace: Workspace, *, pack: str = "financial_planning", by: User | None = None
) -> int:
    """Bring a pack's templates into a workspace; returns how many versions were made.

    Running it again changes nothing. A template whose text in the pack has changed gets a new version, unless a
    person has published one of his own since: his stands.
    """
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    return sum(_load(workspace, pack, template, by=by) for template in load_pack(pack).templates)


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
    }
