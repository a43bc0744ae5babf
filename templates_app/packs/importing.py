"""Makes a template from a file that somebody uploads."""

from templates_app.models import PromptTemplate
from templates_app.packs import template_file
from templates_app.prompts import editing
from workspaces.models import User, Workspace
from workspaces.states import Action


def import_template(workspace: Workspace, given: bytes, *, by: User | None) -> PromptTemplate:
    """A new template, as a draft. If its name is taken, a number is added. Raises PackError, WrongContent."""
    found = template_file.load(given)
    name = editing.find_free_name(workspace, found.name[:190])
    content = template_file.to_content(found)
    return editing.create_recorded(
        workspace, Action.IMPORT, name=name, tier=found.tier, content=content, by=by
    )
