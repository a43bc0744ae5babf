"""The kinds of background jobs. A room names in its `apps.py` the modules that make its own: `background_kinds = ("exports.import_kinds",)`.

Each of these modules has a list `KINDS`. They are loaded when the first kind is asked for: with all that the kinds import,
they would take a third of the start of every command, and few commands run or show a background job.

A kind is one small module with a function `run(job)`: it does its work in steps (`background.running.RunningJob.step`) of a
second at most, and says after each of them how far it has come and where the next one begins. Everything it does within a
step is in the transaction of that step. A step that breaks off is done again, by this worker or by another.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from django.apps import apps

from workspaces.models import Membership

if TYPE_CHECKING:
    from background.running import RunningJob


@dataclass(frozen=True)
class Kind:
    """`roles`: those who may start such a job; whoever has none of them any more when it runs has it fail.

    When a job of it has ended, a notice says how many were done, and how many of them its result counts as `skipped`.
    """

    name: str
    label: str
    run: "Callable[[RunningJob], None]"
    roles: Collection[Membership.Role] = Membership.EDITORS


@cache
def load_kinds() -> dict[str, Kind]:
    """All kinds of this installation, by name."""
    named = [name for room in apps.get_app_configs() for name in getattr(room, "background_kinds", ())]
    return {kind.name: kind for name in named for kind in import_module(name).KINDS}


def find_kind(name: str) -> Kind | None:
    """The kind of that name; None when this installation has none, as after a downgrade."""
    return load_kinds().get(name)
