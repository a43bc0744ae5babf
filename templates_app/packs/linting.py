"""The check of a version with what its workspace and the pack know: which names plans can fill."""

from django.db.models import F, Func

from templates_app.models import EdgeCase, Scenario, TemplateVersion
from templates_app.packs.pack import load_pack
from templates_app.text.content import SITUATION_NAMES, Finding, lint
from workspaces.models import Workspace


def find_findings(version: TemplateVersion) -> list[Finding]:
    """All errors and warnings of a version, errors first, those about names that nothing fills too."""
    filled = find_filled_names(version.workspace, tier=version.template.tier)
    return lint(version.content(), filled=filled)


def find_filled_names(workspace: Workspace, *, tier: str) -> frozenset[str]:
    """The names that a plan of this tier has values for without anybody giving them: of its situations, of the pack."""
    names = {*SITUATION_NAMES}
    for item in load_pack().items:
        if item.tier == tier:
            names |= item.parameters.keys()
    for model in (Scenario, EdgeCase):
        if model.tier == tier:
            keys = Func(F("parameters"), function="jsonb_object_keys")
            rows = model.objects.filter(workspace=workspace).usable()
            names |= set(rows.order_by().values_list(keys, flat=True).distinct())
    return frozenset(names)
