"""The kinds of background jobs of this room."""

from background.kinds import Kind
from conversations.jobs import bulk, reroute, rescore
from conversations.thresholds import REROUTE
from workspaces.models import Membership

KINDS = [
    Kind(bulk.BULK, "Decisions about many", bulk.run, roles=Membership.REVIEWERS, describe=bulk.describe),
    Kind(rescore.RESCORE, "Score again", rescore.run, describe=rescore.describe),
    Kind(
        REROUTE, "Apply changed thresholds", reroute.run, (Membership.Role.OWNER,), describe=reroute.describe
    ),
]
