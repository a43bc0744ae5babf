"""The kinds of background jobs of imports and of reviews from a file."""

from collections.abc import Mapping
from typing import Any

from background.kinds import End, Kind, count
from exports.importing import running
from exports.reviewing import applying
from lib.amounts import count_words
from workspaces.models import Membership


def describe_import(result: Mapping[str, Any], done: int) -> End:
    """What is there already was wanted like this; a row that cannot be read was left out."""
    new, versions = count(result, running.NEW), count(result, running.VERSIONS)
    there, refused = count(result, running.THERE), count(result, running.REFUSED)
    parts = [f"{count_words(new, 'conversation')} imported"]
    parts += [count_words(versions, "new version")] if versions else []
    parts += [f"{there:,} already there"] if there else []
    parts += [f"{count_words(refused, 'row')} refused"] if refused else []
    return End(f"Finished: {', '.join(parts)}.", new + versions, refused)


def describe_reviews(result: Mapping[str, Any], done: int) -> End:
    conflicts = count(result, applying.CONFLICTS)
    applied = max(0, done - conflicts)
    left_out = f", {conflicts:,} not applied" if conflicts else ""
    return End(f"Finished: {count_words(applied, 'row')} applied{left_out}.", applied, conflicts)


KINDS = [
    Kind(running.IMPORT, "Import of conversations", running.run, describe=describe_import),
    Kind(
        applying.REVIEWS,
        "Reviews from a file",
        applying.run,
        roles=Membership.REVIEWERS,
        describe=describe_reviews,
    ),
]
