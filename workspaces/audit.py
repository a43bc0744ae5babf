"""The audit log: who did what, on what, when. Every action that takes `by=` records itself here.

The system records what it does in their place: at the start (a starter pack, the shipped model table), and when the engine
completes, pauses or stops a batch (`BatchJob.record_move`). What it does with single items is in the generation log.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, models
from django.db.transaction import TransactionManagementError

from lib.amounts import format_number, format_usd
from workspaces.isolation.reach import reach_also
from workspaces.models import AuditEntry, User, Workspace
from workspaces.origin import find_origin
from workspaces.states import Action, TargetKind

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)")  # as `record` stores it, in UTC

SYSTEM = "system"
LONGEST_NAME = 200
LONGEST_TOKEN_NAME = 100
# Longer texts are recorded by their length. An entry tells what changed; it is no second copy of what people write.
LONGEST_TEXT = 200
MOST_IN_A_LIST = 20
HISTORY_SHOWN = 50

# One sentence for each action; `{it}` becomes “this batch”, “this conversation”, and so on.
SENTENCES = {
    Action.START: "started {it}",
    Action.PAUSE: "paused {it}",
    Action.RESUME: "resumed {it}",
    Action.CANCEL: "cancelled {it}",
    Action.STOP: "stopped {it}",
    Action.COMPLETE: "completed {it}",
    Action.CHANGE_BUDGET: "changed the budget of {it}",
    Action.RETRY: "retried failed items of {it}",
    Action.USE_REPLY: "used a stored reply in {it}",
    Action.TRY_FIRST: "started {it} as a trial",
    Action.SAVE_DRAFT: "saved a draft of {it}",
    Action.REPLACE_PLAN: "replaced the plan of {it}",
    Action.ADD_ITEMS: "added items to {it}",
    Action.REMOVE_ITEMS: "removed items from {it}",
    Action.REMOVE_REPEATS: "removed repeated items from {it}",
    Action.MOVE_ITEM: "moved an item of {it}",
    Action.EDIT_ITEM: "edited an item of {it}",
    Action.SHUFFLE: "shuffled the items of {it}",
    Action.DISCARD: "discarded a draft of {it}",
    Action.CREATE: "created {it}",
    Action.CHANGE: "changed the settings of {it}",
    Action.RENAME: "renamed {it}",
    Action.MOVE: "moved {it} in its list",
    Action.DUPLICATE: "made {it} as a copy",
    Action.IMPORT: "imported {it}",
    Action.ARCHIVE: "archived {it}",
    Action.RESTORE: "restored {it} from the archive",
    Action.PUBLISH: "published {it}",
    Action.ROLL_BACK: "went back to an earlier version of {it}",
    Action.APPROVE: "approved {it}",
    Action.REJECT: "rejected {it}",
    Action.SEND_BACK: "sent {it} back for revision",
    Action.UNDO: "took back a decision about {it}",
    Action.EDIT: "made an edited version of {it}",
    Action.BRING_BACK: "brought an earlier version of {it} back",
    Action.REGENERATE: "had {it} generated anew",
    Action.RESCORE: "scored {it} again",
    Action.ROUTE: "moved {it} by changed thresholds",
    Action.OVERRIDE_SCORE: "changed the score of {it}",
    Action.WRITE_NOTES: "changed the reviewer notes of {it}",
    Action.CHANGE_RUBRIC: "changed the judge’s rubric of {it}",
    Action.RECREATE: "had the files of {it} written again",
    Action.PUSH: "pushed {it} to the Hub",
    Action.STATE_USE: "stated the intended use of {it}",
    Action.RENEW_SECRET: "renewed the secret of {it}",
    Action.REMOVE: "removed {it}",
    Action.REVOKE: "revoked {it}",
    Action.CHECK: "checked {it}",
    Action.SIGN_IN: "signed in as {it}",
    Action.FAIL_SIGN_IN: "failed to sign in as {it}",
    Action.SIGN_OUT: "signed out as {it}",
    Action.DOWNLOAD: "downloaded {it}",
    Action.READ: "read {it} as staff",
    Action.STOP_CALLS: "stopped all calls of {it}",
    Action.ALLOW_CALLS: "allowed calls of {it} again",
    Action.REMOVE_OLD: "removed old entries of {it}",
    Action.ADD: "added {it}",
    Action.INVITE: "invited {it}",
    Action.CHANGE_ROLE: "changed the role of {it}",
    Action.CHANGE_PASSWORD: "changed the password of {it}",
}
# These fields are recorded for programs: people cannot read an id, and the sentence already tells the status.
NOT_SHOWN = ("status", "revision")
DOLLARS = "_usd"  # how the name of an amount of money ends


class HistoryLine(NamedTuple):
    """An entry for readers: `owner paused this batch`, what changed in brief, and when."""

    sentence: str
    details: str
    at: datetime


class LogLine(NamedTuple):
    """An entry for the page of the log: `changed the budget of batch “Rent”`, and where from."""

    entry: AuditEntry
    sentence: str
    details: str
    origin: str


def record(
    *,
    action: Action,
    kind: TargetKind,
    by: User | None,
    target: models.Model | None = None,
    name: str | None = None,
    workspace: UUID | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    who_name: str = "",
) -> None:
    """Write one entry, in the transaction of the change that it tells about; `by=None` is the system.

    Where from stands in the entry too (`workspaces.origin`). `who_name` is for somebody who is not known by a sign-in.

    `before` and `after` hold the changed fields only: numbers, dates, short words. Never give it a key, a secret, a token,
    or the text of a turn, a prompt or a template: give a length or a version number instead. The name and the workspace
    are the target's unless they are given. Raises TransactionManagementError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("An audit entry belongs to the transaction of its change.")
    key = getattr(target, "pk", None)
    place = workspace or _find_workspace(target)
    with reach_also([place]):
        AuditEntry.objects.create(
            workspace_id=place,
            who=by,
            who_name=who_name or name_person(by),
            **_describe_origin(),
            action=action,
            target_kind=kind,
            target_id=key if isinstance(key, UUID) else None,
            target_name=_cut(str(target or "") if name is None else name),
            before=_shorten(before or {}),
            after=_shorten(after or {}),
        )


class Change(NamedTuple):
    """The change of one of many targets: its key and name, its fields as `record` takes them, and a workspace of its own."""

    target: UUID
    name: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    workspace: UUID | None = None


def record_many(
    changes: Iterable[Change],
    *,
    action: Action,
    kind: TargetKind,
    by: User | None,
    workspace: UUID | None = None,
) -> None:
    """Write an entry for each of these targets of one workspace, or of their own, in one statement. Otherwise as `record`."""
    if not connection.in_atomic_block:
        raise TransactionManagementError("An audit entry belongs to the transaction of its change.")
    changes, origin = list(changes), _describe_origin()
    with reach_also(each.workspace or workspace for each in changes):
        AuditEntry.objects.bulk_create(
            AuditEntry(
                workspace_id=each.workspace or workspace,
                who=by,
                who_name=name_person(by),
                **origin,
                action=action,
                target_kind=kind,
                target_id=each.target,
                target_name=_cut(each.name),
                before=_shorten(each.before),
                after=_shorten(each.after),
            )
            for each in changes
        )


def name_person(person: User | None) -> str:
    """How the log calls this person: the e-mail address, else the user name; “system” for nobody."""
    return (person.email or person.get_username()) if person else SYSTEM


def find_differences(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ, with their values before and after."""
    changed = [name for name, value in after.items() if before[name] != value]
    return {name: before[name] for name in changed}, {name: after[name] for name in changed}


def read_history(kind: TargetKind, *targets: UUID, without: Collection[Action] = ()) -> list[HistoryLine]:
    """What people did with these, newest first, the last 50 (`HISTORY_SHOWN`). One query; the caller checks who may see it."""
    entries = AuditEntry.objects.of_targets(kind, targets).exclude(action__in=without)[:HISTORY_SHOWN]
    return [HistoryLine(_sentence(each), _details(each), each.created_at) for each in entries]


def describe(entry: AuditEntry) -> LogLine:
    """The entry in words, for a page that says beside it who and when."""
    name = f" “{entry.target_name}”" if entry.target_name else ""
    sentence = SENTENCES[Action(entry.action)].format(it=f"{_noun(entry)}{name}")
    token = f" token “{entry.token_name}”" if entry.token_name else ""
    channel = f"{entry.get_channel_display()}{token}" if entry.channel else "not recorded"
    return LogLine(entry, sentence, _details(entry), ", ".join(filter(None, (channel, entry.address))))


def _sentence(entry: AuditEntry) -> str:
    return f"{entry.who_name} {SENTENCES[Action(entry.action)].format(it=f'this {_noun(entry)}')}"


def _noun(entry: AuditEntry) -> str:
    noun = TargetKind(entry.target_kind).label
    return noun if noun.startswith("API") else noun.lower()


def _details(entry: AuditEntry) -> str:
    """`budget: $1.00 to $2.50, concurrency: 4`."""
    shown = [name for name in entry.after if name not in NOT_SHOWN and not name.endswith("_id")]
    return ", ".join(f"{_label(name)}: {_change(entry, name)}" for name in shown)


def _label(name: str) -> str:
    return name.removesuffix(DOLLARS).replace("_", " ")


def _change(entry: AuditEntry, name: str) -> str:
    now = _format_value(name, entry.after[name])
    return f"{_format_value(name, entry.before[name])} to {now}" if name in entry.before else now


def _format_value(name: str, value: Any) -> str:
    if name.endswith(DOLLARS) and value is not None:
        return format_usd(Decimal(str(value)))
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, str) and MOMENT.fullmatch(value):
        found = datetime.fromisoformat(value)
        return f"{found.day} {found:%b %Y %H:%M} UTC"
    return "none" if value is None else str(value)


# --- what is written -----------------------------------------------------------------------------------


def _describe_origin() -> dict[str, Any]:
    origin = find_origin()
    return {
        "channel": origin.channel,
        "address": origin.address or None,
        "token_name": _storable(origin.token_name)[:LONGEST_TOKEN_NAME],
    }


def _find_workspace(target: models.Model | None) -> UUID | None:
    """The target's own; what belongs to a person and to no workspace is told in that person's personal one."""
    if isinstance(target, Workspace):
        return target.pk
    if found := getattr(target, "workspace_id", None):
        return UUID(str(found))
    person = target.pk if isinstance(target, User) else getattr(target, "user_id", None)
    if person is None:
        return None
    return Workspace.objects.filter(personal_of=person).values_list("pk", flat=True).first()


def _shorten(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _short(value) for name, value in fields.items()}


def _short(value: Any) -> Any:
    """The value for JSON. A long text is replaced by its length, a long list by its size."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_short(each) for each in value] if len(value) <= MOST_IN_A_LIST else f"{len(value)} entries"
    if isinstance(value, Decimal):
        return format_number(value)
    text = value.isoformat() if isinstance(value, date) else str(value)
    return _storable(text) if len(text) <= LONGEST_TEXT else f"{len(text)} characters"


def _cut(name: str) -> str:
    return _storable(name)[:LONGEST_NAME]


def _storable(text: str) -> str:
    """The text without what cannot be stored: PostgreSQL refuses NUL, and JSON refuses half of a surrogate pair."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
