"""The kinds of background jobs of imports and of reviews from a file."""

from background.kinds import Kind, register
from exports.importing import running
from exports.reviewing import applying
from workspaces.models import Membership


def register_kinds() -> None:
    """Called once, when the apps are ready."""
    register(Kind(running.IMPORT, "Import of conversations", running.run))
    register(Kind(applying.REVIEWS, "Reviews from a file", applying.run, roles=Membership.REVIEWERS))
