"""The addresses of the two working roles in a database of the user's own, and whether row level security is required."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

WEB_URL = "LORAPIPE_WEB_DATABASE_URL"
WORKER_URL = "LORAPIPE_WORKER_DATABASE_URL"


class Reader(Protocol):
    problems: list[str]

    def text(
        self, name: str, *, default: str | None, check: Callable[[str], str | None], secret: bool = False
    ) -> str | None: ...

    def yes_or_no(self, name: str) -> bool | None: ...


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """None: web or workers use the address of the tables' owner."""

    web: str | None = field(default=None, repr=False)
    worker: str | None = field(default=None, repr=False)
    require_rls: bool = False


def read_addresses(reader: Reader, *, owner: str | None, check: Callable[[str], str | None]) -> Addresses:
    web, worker = (
        reader.text(name, default=None, check=check, secret=True) for name in (WEB_URL, WORKER_URL)
    )
    if (web or worker) and not owner:
        reader.problems.append(
            f"{WEB_URL} and {WORKER_URL} stand beside DATABASE_URL, the address of the tables' owner; set that one too"
        )
    return Addresses(web=web, worker=worker, require_rls=reader.yes_or_no("LORAPIPE_REQUIRE_RLS") or False)
