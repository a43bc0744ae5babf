"""The kinds of background jobs of imports and of reviews from a file."""

from background.kinds import Kind
from exports.importing import running
from exports.reviewing import applying
from workspaces.models import Membership

KINDS = [
    Kind(running.IMPORT, "Import of conversations", running.run),
    Kind(applying.REVIEWS, "Reviews from a file", applying.run, roles=Membership.REVIEWERS),
]
