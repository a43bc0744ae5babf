"""The kinds of background jobs. A room registers its own when the apps are ready: `register(Kind("rescore", ...))`.

A kind is one small module with a function `run(job)`: it does its work in steps (`background.running.RunningJob.step`) of a
second at most, and says after each of them how far it has come and where the next one begins. Everything it does within a
step is in the transaction of that step. A step that breaks off is done again, by this worker or by another.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

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


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known. The same name again replaces it."""
    _KINDS[kind.name] = kind


def find_kind(name: str) -> Kind | None:
    """The kind of that name; None when this installation has none, as after a downgrade."""
    return _KINDS.get(name)
