"""Which workspaces the statements of a request may touch. The database is told with each statement, never for longer.

A statement of the web process goes to PostgreSQL as one message of two: `SET LOCAL lorapipe.workspaces = '{...}'`, then itself.
PostgreSQL runs both in one transaction, the one that is open or one of their own, and forgets the setting at its end. So a
connection carries nothing over to the next request, whoever shares it, and the setting costs no round trip.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.db import connection
from psycopg import ClientCursor

SETTING = "lorapipe.workspaces"
# What ends or begins a part of a transaction touches no rows. A failed transaction would refuse to set anything before it.
UNTOUCHED = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET", "BEGIN", "COMMIT")
# A statement that changes these tables may give the person another workspace.
DECISIVE = ("workspaces_membership", "workspaces_workspace")
OF_MEMBER = (
    "SELECT set_config('lorapipe.workspaces', (SELECT coalesce(array_agg(m.workspace_id), '{{}}') || '{found}'::uuid[]"
    " FROM workspaces_membership m WHERE m.user_id = '{user}'{bound})::text, true); "
)
OF_EVERYBODY = (
    "SELECT set_config('lorapipe.workspaces', coalesce((SELECT array_agg(w.id)::text"
    " FROM workspaces_workspace w), '{}'), true); "
)
Part = TypeVar("Part")
Row = TypeVar("Row")
Execute = Callable[[Any, Any, bool, dict[str, Any]], Any]


class Person(Protocol):
    @property
    def pk(self) -> UUID | None: ...


@dataclass(eq=False)
class Reach:
    """What one request may touch: nothing until somebody is signed in, then the workspaces of which that person is a member.
    With a token that is `bound` to one of them, that one alone.

    They are looked up with the first statement after that. What the request itself adds, such as a new workspace, is
    reached too; what it leaves stays within reach until it ends, for the entry in the audit log.
    """

    user: UUID | None = None
    bound: UUID | None = None
    everything: bool = False
    found: set[str] = field(default_factory=set)
    is_known: bool = False
    # What `ask_once` was told in this request, until it changes a membership.
    told: dict[Hashable, Sequence[Any]] = field(default_factory=dict)

    def act_for(self, person: Person, *, everything: bool = False) -> None:
        """From now on for this person. `everything`: all workspaces, for superusers in the admin."""
        bound = getattr(person, "bound_to", None)
        if (person.pk, bound) != (self.user, self.bound):
            self.found, self.is_known = set(), False
        self.user, self.bound, self.everything = person.pk, bound, everything

    def entered(self) -> AbstractContextManager[None]:
        """The statements of this thread bring the reach along while this is open."""
        return enter(self)

    def iterate(self, parts: Iterable[Part]) -> Iterator[Part]:
        """The parts of a streamed answer, whose queries come after the view has ended."""
        remaining = iter(parts)
        while True:
            with self.entered():
                try:
                    part = next(remaining)
                except StopIteration:
                    return
            yield part

    def bring(
        self, execute: Execute, statement: Any, values: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """One of Django's `execute_wrappers`. Without a person the statement finds nothing."""
        cursor = context["cursor"].cursor
        if not isinstance(cursor, ClientCursor) or _is_untouched(statement):
            self._notice_change(statement)
            return execute(statement, values, many, context)
        if many:
            raise TypeError(
                "executemany cannot say whose rows it touches: execute one statement with all rows"
            )
        looks_up = self.user is not None and not self.everything and not self.is_known
        execute(self._describe() + statement, values, many, context)
        if looks_up:
            self.found = set(_split(cursor.fetchone()))
            self.is_known = True
        cursor.nextset()
        self._notice_change(statement)
        return None

    def include(self, workspace: UUID) -> None:
        self.found.add(str(workspace))

    def _describe(self) -> str:
        if self.everything:
            return OF_EVERYBODY
        found = f"{{{','.join(sorted(self.found))}}}"
        if self.is_known or self.user is None:
            return f"SET LOCAL {SETTING} = '{found}'; "
        bound = f" AND m.workspace_id = '{self.bound}'" if self.bound else ""
        return OF_MEMBER.format(user=self.user, bound=bound, found=found)

    def _notice_change(self, statement: Any) -> None:
        """Also of what undoes a change."""
        text = str(statement)
        first = text.lstrip("( \n").split(None, 1)[0].upper()
        if first == "ROLLBACK" or (
            first not in ("SELECT", "SET") and any(table in text for table in DECISIVE)
        ):
            self.is_known = False
            self.told.clear()


_current: ContextVar[Reach | None] = ContextVar("reach", default=None)


@contextmanager
def enter(reach: Reach) -> Iterator[None]:
    """Not by Django's `execute_wrapper`: that removes whichever wrapper came last. One that is added meanwhile, as when the
    connection is made, would go, and this reach would stay on the connection for the next request.
    """
    token, wrappers, bring = _current.set(reach), connection.execute_wrappers, reach.bring
    wrappers.append(bring)
    try:
        yield
    finally:
        wrappers.remove(bring)
        _current.reset(token)


def act_for(person: Person) -> None:
    """The request of this thread is this person's. Outside a request nothing happens."""
    if reach := _current.get():
        reach.act_for(person)


def include(workspace: UUID) -> None:
    """The request of this thread may also touch this workspace, which it has just made for somebody else."""
    if reach := _current.get():
        reach.include(workspace)


def ask_once(question: Hashable, ask: Callable[[], Sequence[Row]]) -> Sequence[Row]:
    """What `ask` finds about memberships, asked once in a request until it changes one. Outside a request it is asked each time."""
    reach = _current.get()
    if reach is None:
        return ask()
    if question not in reach.told:
        found = ask()
        reach.told[question] = found
    return reach.told[question]


@contextmanager
def reach_also(workspaces: Iterable[UUID | None]) -> Iterator[None]:
    """The request of this thread also reaches these inside: for an entry of the audit log, which may be in the personal workspace
    of somebody else. Outside a request nothing happens.
    """
    reach = _current.get()
    added = {str(each) for each in workspaces if each} - (reach.found if reach else set())
    if reach is None or not added:
        yield
        return
    reach.found |= added
    try:
        yield
    finally:
        reach.found -= added
        reach.is_known = False  # the person may be a member of them


@contextmanager
def reach_all() -> Iterator[None]:
    """The request of this thread reaches all workspaces inside: for what concerns the whole installation, such as its metrics and the
    deletion of a person, when it is certain that who asks may have it. Outside a request nothing happens.
    """
    reach = _current.get()
    if reach is None:
        yield
        return
    before, reach.everything = reach.everything, True
    try:
        yield
    finally:
        reach.everything = before


def _is_untouched(statement: str) -> bool:
    return statement.lstrip().partition(" ")[0].upper() in UNTOUCHED


def _split(row: Any) -> list[str]:
    return [word for word in str(row[0]).strip("{}").split(",") if word]
