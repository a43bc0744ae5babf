"""The review of a version: its status, and the verbs by which people decide about it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from django.conf import settings
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from conversations.models.decisions import Decision
from conversations.states import ARCHIVABLE, DECISIONS, MOVES, REVIEWABLE, ReasonCode, Status
from lib.stale_state import StaleRevision, StaleState, Superseded
from workspaces.audit import name_person, record
from workspaces.models import OwnedModel, User
from workspaces.states import Action, TargetKind

# What a decision changes beside the status, and what undoing it gives back.
REVIEW_FIELDS = ("approved_by_id", "approved_at", "decided_at", "reviewer_notes", "status_before_archive")


class Said(TypedDict, total=False):
    """What a person says with a decision, all of it optional: see `ReviewedModel._decide`."""

    note: str
    reasons: Sequence[ReasonCode]
    revision: int | None
    on_behalf_of: str


class ReviewedModel(OwnedModel):
    """Every verb moves the row by compare-and-swap on status and revision, and writes a decision and an audit entry."""

    status = models.CharField(max_length=14, choices=Status.choices, default=Status.DRAFT)
    status_before_archive = models.CharField(max_length=14, blank=True)
    is_head = models.BooleanField(
        default=True,
        db_default=True,
        help_text="The newest version: the one that lists, counts and exports mean.",
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When a person last decided about this version. Empty: it is in the queue.",
    )
    revision = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="Counts decisions and edits. A change names the revision that it was made for.",
    )
    reviewer_notes = models.TextField(blank=True)
    score_override = models.DecimalField(max_digits=3, decimal_places=1, null=True, blank=True)
    score_override_note = models.TextField(blank=True, db_default="")
    flagged_since_decision = models.BooleanField(
        default=False,
        db_default=False,
        help_text="A later scoring has flagged it. What a person decided stands.",
    )

    class Meta:
        abstract = True

    # --- decisions of people ---------------------------------------------------------------------------

    def approve(self, *, by: User | None, **said: Unpack[Said]) -> None:
        """Take it into the dataset."""
        self._decide(Status.APPROVED, Action.APPROVE, by=by, **said)

    def reject(self, *, by: User | None, **said: Unpack[Said]) -> None:
        self._decide(Status.REJECTED, Action.REJECT, by=by, **said)

    def send_back(self, *, by: User | None, **said: Unpack[Said]) -> None:
        self._decide(Status.NEEDS_REVISION, Action.SEND_BACK, by=by, **said)

    def archive(self, *, by: User | None, note: str = "", revision: int | None = None) -> None:
        if self.status not in ARCHIVABLE:
            raise StaleState("conversation", verb="archived", status=self.status)
        self._move(
            Status.ARCHIVED,
            action=Action.ARCHIVE,
            by=by,
            verb="archived",
            note=note,
            revision=revision,
            **plan_archiving(Status(self.status)),
        )

    def restore(self, *, by: User | None, note: str = "", revision: int | None = None) -> None:
        """Give it the status it had before it was archived. One that was approved must be approved again.

        Raises Superseded for a version that a newer one has replaced: `conversations.versions.bring_back` copies it.
        """
        if not self.is_head:
            raise Superseded("conversation")
        if self.status != Status.ARCHIVED:
            raise StaleState("conversation", verb="restored", status=self.status)
        to, fields = plan_restoring(self.status_before_archive)
        self._move(
            to,
            action=Action.RESTORE,
            by=by,
            verb="restored",
            note=note,
            revision=revision,
            **fields,
        )

    def undo(self, decision: Decision, *, by: User | None, note: str = "") -> None:
        """Take back the newest decision, as a further one. What was undone can be undone too, which does it again.

        Raises StaleRevision when something has been decided or changed since, Superseded when there is a newer version.
        """
        if not self.is_head:
            raise Superseded("conversation")
        if decision.conversation_id != self.pk or decision.revision != self.revision:
            raise StaleRevision("conversation")
        self._move(
            Status(decision.from_status),
            action=Action.UNDO,
            by=by,
            verb="given back its earlier status",
            note=note,
            undoes=decision,
            **_read_stored(decision.before),
        )

    def override_score(self, score: Decimal | None, *, by: User | None, note: str = "") -> None:
        """Set a person's score, 0 to 10, beside the computed one; None takes it away. It is no decision."""
        with transaction.atomic():
            before = self._lock_fields("score_override", "score_override_note")
            if before == {"score_override": score, "score_override_note": note}:
                return
            type(self)._default_manager.filter(pk=self.pk).update(
                score_override=score, score_override_note=note
            )
            self.score_override, self.score_override_note = score, note
            record(
                action=Action.OVERRIDE_SCORE,
                kind=TargetKind.CONVERSATION,
                target=self,
                by=by,
                before={"score": before["score_override"]},
                after={"score": score},
            )

    def write_notes(self, notes: str, *, by: User | None) -> None:
        """Replace the reviewer's notes, at most `LONGEST_NOTE` characters. It is no decision."""
        with transaction.atomic():
            before = self._lock_fields("reviewer_notes")["reviewer_notes"]
            if before == notes:
                return
            type(self)._default_manager.filter(pk=self.pk).update(reviewer_notes=notes)
            self.reviewer_notes = notes
            record(
                action=Action.WRITE_NOTES,
                kind=TargetKind.CONVERSATION,
                target=self,
                by=by,
                before={"characters": len(before)},
                after={"characters": len(notes)},
            )

    def _lock_fields(self, *names: str) -> dict[str, Any]:
        """What these fields hold now. The row stays locked until the transaction ends."""
        rows = type(self)._default_manager.select_for_update(no_key=True)
        found: dict[str, Any] = rows.values(*names).get(pk=self.pk)
        return found

    def _decide(
        self,
        to: Status,
        action: Action,
        *,
        by: User | None,
        note: str = "",
        reasons: Sequence[ReasonCode] = (),
        revision: int | None = None,
        on_behalf_of: str = "",
    ) -> None:
        """`revision`: the one that the person saw; the loaded one by default. Raises StaleState, StaleRevision.

        To decide the same again changes nothing. What a machine put into that status is still undecided, and is decided.
        """
        if self.status not in REVIEWABLE:
            raise StaleState("conversation", verb=DECISIONS[to], status=self.status)
        if self.status == to and self.decided_at:
            return
        self._move(
            to,
            action=action,
            by=by,
            verb=DECISIONS[to],
            note=note,
            reasons=reasons,
            revision=revision,
            on_behalf_of=on_behalf_of,
            **plan_decision(to, person=by, note=note),
        )

    @transaction.atomic
    def _move(
        self,
        to: Status,
        *,
        action: Action,
        by: User | None,
        verb: str,
        note: str = "",
        reasons: Sequence[ReasonCode] = (),
        revision: int | None = None,
        on_behalf_of: str = "",
        undoes: Decision | None = None,
        **fields: Any,
    ) -> None:
        """Set status and fields by compare-and-swap, with a decision and an audit entry in the same transaction."""
        start = Status(self.status)
        if start != to and (start, to) not in MOVES:
            raise StaleState("conversation", verb=verb, status=self.status)
        approval = self._read_approval()
        before = {name: getattr(self, name) for name in REVIEW_FIELDS}
        expected = self.revision if revision is None else revision
        same = type(self)._default_manager.filter(pk=self.pk, status=start, revision=expected)
        if not same.update(status=to, revision=F("revision") + 1, **fields):
            self._refuse_stale(start, verb)
        for name, value in {"status": to, "revision": expected + 1, **fields}.items():
            setattr(self, name, value)
        Decision.objects.create(
            workspace_id=self.workspace_id,
            created_by=by,
            conversation_id=self.pk,
            who_name=name_person(by),
            on_behalf_of=on_behalf_of,
            from_status=start,
            to_status=to,
            note=note,
            reasons=list(reasons),
            revision=self.revision,
            undoes=undoes,
            before=_make_storable(before),
        )
        record(
            action=action,
            kind=TargetKind.CONVERSATION,
            target=self,
            by=by,
            before={"status": start},
            after={"status": to, **approval},
        )

    def _refuse_stale(self, start: Status, verb: str) -> None:
        """Say why the compare-and-swap found another row than the one that was loaded."""
        self.refresh_from_db(fields=["status", "is_head"])
        if not self.is_head:
            raise Superseded("conversation")
        if self.status == start:
            raise StaleRevision("conversation")
        raise StaleState("conversation", verb=verb, status=self.status)

    def _read_approval(self) -> dict[str, str]:
        """Who had approved it, for the entry of the move that takes the approval away."""
        if self.status != Status.APPROVED:
            return {}
        rows = type(self)._default_manager.filter(pk=self.pk).exclude(approved_by=None)
        found = rows.values_list("approved_by__email", "approved_by__username").first()
        return {"was_approved_by": found[0] or found[1]} if found else {}


# --- what each move changes beside the status; for one row and for many ----------------------------------


def plan_decision(to: Status, *, person: User | None, note: str) -> dict[str, Any]:
    now = timezone.now()
    approved = to == Status.APPROVED
    return {
        "approved_by_id": person.pk if approved and person else None,
        "approved_at": now if approved else None,
        "decided_at": now,
        "flagged_since_decision": False,
        **({"reviewer_notes": note} if note else {}),
    }


def plan_archiving(status: Status) -> dict[str, Any]:
    return {"status_before_archive": status, "approved_by_id": None, "approved_at": None}


def plan_restoring(before: str) -> tuple[Status, dict[str, Any]]:
    """The status that a row gets back which had `before` when it was archived. An approval must be given again."""
    status = Status(before or Status.GENERATED)
    if status == Status.APPROVED:
        return Status.PENDING_REVIEW, {"status_before_archive": "", "decided_at": None}
    return status, {"status_before_archive": ""}


def _make_storable(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a review as JSON: ids and moments as text."""
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value if value is None else str(value)
        for name, value in fields.items()
    }


def _read_stored(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that `_make_storable` wrote."""
    moments = ("approved_at", "decided_at")
    return {
        name: parse_datetime(value) if name in moments and value else value for name, value in fields.items()
    }
