"""Several changes of one conversation at once: an edit, a decision, a score and notes, all of them or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction

from conversations.models import Conversation, Decision
from conversations.states import WITH_REASONS, ReasonCode, ReviewAction, Status
from conversations.versions import edit, lock_unchanged
from lib.stale_state import StaleState
from workspaces.audit import record
from workspaces.models import User
from workspaces.states import Action, TargetKind

TAKES_NOTES = frozenset({ReviewAction.APPROVE, *WITH_REASONS})


class NothingToUndo(StaleState):
    """No decision about the newest version stands."""

    def __init__(self, conversation: Conversation) -> None:
        self.noun, self.verb, self.status = "conversation", "undone", conversation.status
        Exception.__init__(
            self, "There is no decision to take back: nothing has been decided about the newest version."
        )


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one request asks for. `texts` are new texts by turn number, from 1.

    `sets_score` tells a score of None, which takes the override away, from no change of the score. `notes` replace the
    reviewer's notes; `note` goes to the decision, the edit and the score. `revision` is the one that the person read.
    """

    action: ReviewAction | None = None
    texts: Mapping[int, str] = field(default_factory=dict)
    sets_score: bool = False
    score: Decimal | None = None
    notes: str | None = None
    note: str = ""
    reasons: Sequence[ReasonCode] = ()
    revision: int | None = None


@transaction.atomic
def apply_change(conversation: Conversation, change: Change, *, by: User | None) -> Conversation:
    """Make all of these changes. Returns the conversation, or its new version when a text has changed.

    Raises StaleState, StaleRevision or Superseded when it is not as the person read it, EditError for texts that cannot
    be stored. Then nothing is changed.
    """
    row = lock_unchanged(conversation, change.revision)
    if change.texts:
        row = edit(row, change.texts, by=by, note=change.note)
    if change.sets_score:
        row.override_score(change.score, by=by, note=change.note if change.score is not None else "")
    if change.action:
        _act(row, change.action, change, by=by)
    if change.notes is not None:
        row.write_notes(change.notes, by=by)
    return row


def _act(row: Conversation, action: ReviewAction, change: Change, *, by: User | None) -> None:
    note = change.note
    if action in TAKES_NOTES:
        note = note or change.notes or ""
    if action == ReviewAction.UNDO:
        row.undo(get_newest_decision(row), by=by, note=note)
    elif action == ReviewAction.ARCHIVE:
        row.archive(by=by, note=note)
    elif action == ReviewAction.RESTORE:
        row.restore(by=by, note=note)
    else:
        decide = {
            ReviewAction.APPROVE: row.approve,
            ReviewAction.REJECT: row.reject,
            ReviewAction.NEEDS_REVISION: row.send_back,
        }[action]
        decide(by=by, note=note, reasons=change.reasons)


def get_newest_decision(row: Conversation) -> Decision:
    """The decision that undoing would take back. Raises NothingToUndo."""
    found: Decision | None = row.decisions.filter(revision=row.revision).first()
    if found is None:
        raise NothingToUndo(row)
    return found


def needs_editor(row: Conversation, change: Change) -> bool:
    """Whether this takes an editor, not only a reviewer: an edit, and whatever moves it into the archive or out of it."""
    if change.texts or change.action in (ReviewAction.ARCHIVE, ReviewAction.RESTORE):
        return True
    if change.action != ReviewAction.UNDO:
        return False
    newest = row.decisions.filter(revision=row.revision).first()
    return newest is not None and Status.ARCHIVED in (newest.from_status, newest.to_status)


@transaction.atomic
def delete_for_good(conversation: Conversation, *, by: User | None, revision: int | None = None) -> int:
    """Delete a conversation with all its versions, turns and decisions, and return the number of its versions.

    Naming any version means them all, because each of them holds nearly the same text. What was paid stays in the log.
    Raises StaleState while it is being generated; with `revision`, also StaleRevision and Superseded. Raises DoesNotExist
    when somebody else has deleted it meanwhile.
    """
    row = conversation if revision is None else lock_unchanged(conversation, revision)
    chain = Conversation.objects.filter(root=row.root_id)
    states = list(chain.select_for_update().order_by("version").values_list("status", flat=True))
    if Status.GENERATING in states:
        raise StaleState("conversation", verb="deleted", status=Status.GENERATING)
    if not states:
        raise Conversation.DoesNotExist
    record(
        action=Action.REMOVE,
        kind=TargetKind.CONVERSATION,
        target=row,
        by=by,
        before={"status": row.status},
        after={"versions": len(states)},
    )
    chain.delete()
    return len(states)
