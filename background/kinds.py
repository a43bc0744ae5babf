"""The kinds of background jobs. A room names in its `apps.py` the modules that make its own: `background_kinds = ("exports.import_kinds",)`.

Each of these modules has a list `KINDS`. They are loaded when the first kind is asked for: with all that the kinds import,
they would take a third of the start of every command, and few commands run or show a background job.

A kind is one small module with a function `run(job)`: it does its work in steps (`background.running.RunningJob.step`) of a
second at most, and says after each of them how far it has come and where the next one begins. Everything it does within a
step is in the transaction of that step. A step that breaks off is done again, by this worker or by another.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.apps import apps

from workspaces.models import Membership

if TYPE_CHECKING:
    from background.running import RunningJob


WAITS, STOPPED = "waits", "stopped"


@dataclass(frozen=True)
class End:
    """What came of a completed job: a sentence for people, and how many of what it names were done and left out.

    `reason`: why its work is not finished although its job is. WAITS: a person is to agree first; STOPPED: it may not go on.
    """

    sentence: str
    done: int
    skipped: int = 0
    reason: str = ""


def describe_steps(result: Mapping[str, Any], done: int) -> End:
    """What a job says that counts its steps alone, and as `skipped` what it left out of them."""
    skipped = count(result, "skipped")
    left_out = f", {skipped:,} skipped" if skipped else ""
    kept = max(0, done - skipped)
    return End(f"Finished: {kept:,} done{left_out}." if done else "Finished.", kept, skipped)


def count(result: Mapping[str, Any], name: str) -> int:
    """A number of a result; 0 where there is none."""
    value = result.get(name)
    return value if type(value) is int else 0


@dataclass(frozen=True)
class Kind:
    """`roles`: those who may start such a job; whoever has none of them any more when it runs has it fail.

    `describe` makes the notice of a completed job from its result and its done steps. `page` finds in a result the address of
    the page where people see what came of it. `in_percent`: its steps are nothing that people count.
    """

    name: str
    label: str
    run: "Callable[[RunningJob], None]"
    roles: Collection[Membership.Role] = Membership.EDITORS
    describe: Callable[[Mapping[str, Any], int], End] = describe_steps
    page: Callable[[Mapping[str, Any]], str | None] | None = None
    in_percent: bool = False


@cache
def load_kinds() -> dict[str, Kind]:
    """All kinds of this installation, by name."""
    named = [name for room in apps.get_app_configs() for name in getattr(room, "background_kinds", ())]
    return {kind.name: kind for name in named for kind in import_module(name).KINDS}


def find_kind(name: str) -> Kind | None:
    """The kind of that name; None when this installation has none, as after a downgrade."""
    return load_kinds().get(name)
