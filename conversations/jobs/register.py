"""The kinds of background jobs of this room."""

from background.kinds import Kind, register
from conversations.jobs import bulk, reroute, rescore
from conversations.thresholds import REROUTE
from workspaces.models import Membership


def register_kinds() -> None:
    """Called once, when the apps are ready."""
    register(Kind(bulk.BULK, "Decisions about many", bulk.run, roles=Membership.REVIEWERS))
    register(Kind(rescore.RESCORE, "Score again", rescore.run))
    register(Kind(REROUTE, "Apply changed thresholds", reroute.run, roles=(Membership.Role.OWNER,)))
