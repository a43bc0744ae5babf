"""What requests about one conversation may say, and what may be said together."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from conversations.api.serializers import make_score_field
from conversations.changes import Change
from conversations.models import Conversation
from conversations.models.decisions import LONGEST_NOTE
from conversations.states import WITH_REASONS, ReasonCode, ReviewAction, Status
from conversations.versions import LONGEST_TURN
from lib.wire import QueryString, StrictSerializer, WordField

MOST_TURNS = 1_000
# The statuses that a person gives, each by an action.
ACTION_OF_STATUS = {
    Status.APPROVED: ReviewAction.APPROVE,
    Status.REJECTED: ReviewAction.REJECT,
    Status.NEEDS_REVISION: ReviewAction.NEEDS_REVISION,
    Status.ARCHIVED: ReviewAction.ARCHIVE,
}
ALSO = {
    "approved": "approve",
    "rejected": "reject",
    "send_back": "needs_revision",
    "sent_back": "needs_revision",
    "archived": "archive",
    "restored": "restore",
}
NO_CHANGE = "Say what to change: status, reviewAction, qualityScore, reviewerNotes or turns."
NOTE_ALONE = (
    "A note belongs to a decision, a score or an edit. Notes about the conversation are reviewerNotes."
)
NOT_BY_HAND = "People give the statuses approved, rejected, needs_revision and archived. To take a decision back, send the reviewAction undo; to take it out of the archive, restore."


def make_action_field(choices: Any, **options: Any) -> WordField:
    return WordField(choices, also=ALSO, **options)


def make_note_field() -> serializers.CharField:
    return serializers.CharField(max_length=LONGEST_NOTE, allow_blank=True, default="")


def make_reasons_field() -> serializers.ListField:
    return serializers.ListField(
        child=WordField(ReasonCode.choices), max_length=len(ReasonCode) * 2, default=list
    )


def make_revision_field(**options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=2**31 - 1, **options)


class TurnBody(StrictSerializer):
    """The new text of one turn. What a response says of a turn besides may come along: the role must be the same."""

    turnNumber = serializers.IntegerField(min_value=1, max_value=MOST_TURNS)
    content = serializers.CharField(max_length=LONGEST_TURN, allow_blank=True, trim_whitespace=False)
    role = serializers.CharField(max_length=20, required=False)
    tokenCount = serializers.IntegerField(required=False)


class ConversationChangeBody(StrictSerializer):
    """A PATCH of one conversation. Everything in it is done, or nothing."""

    status = WordField(Status.choices, required=False)
    reviewAction = make_action_field(ReviewAction.choices, required=False)
    qualityScore = make_score_field(required=False)
    reviewerNotes = serializers.CharField(max_length=LONGEST_NOTE, allow_blank=True, required=False)
    note = make_note_field()
    reasons = make_reasons_field()
    revision = make_revision_field(required=False)
    turns = TurnBody(many=True, required=False)

    def validate_turns(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        numbers = [turn["turnNumber"] for turn in turns]
        if len(numbers) > MOST_TURNS:
            raise serializers.ValidationError(f"At most {MOST_TURNS:,} turns at once.")
        if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
            raise serializers.ValidationError(f"Turn {twice[0]} is there more than once.")
        return turns

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = {"status", "reviewAction", "qualityScore", "reviewerNotes", "turns"} & given.keys()
        if not wanted or (wanted == {"turns"} and not given["turns"]):
            raise serializers.ValidationError(NO_CHANGE)
        action = self._find_action(given)
        problems = {}
        if given["reasons"] and action not in WITH_REASONS:
            problems["reasons"] = "Reasons belong to reject and needs_revision."
        if given["note"] and wanted == {"reviewerNotes"}:
            problems["note"] = NOTE_ALONE
        if given.get("turns") and action in (
            ReviewAction.ARCHIVE,
            ReviewAction.RESTORE,
            ReviewAction.UNDO,
        ):
            problems["turns"] = f"An edit cannot come together with {action}: send them one after the other."
        if problems:
            raise serializers.ValidationError(problems)
        return {**given, "action": action}

    def _find_action(self, given: dict[str, Any]) -> ReviewAction | None:
        """What status and reviewAction mean together. A status that people do not give is looked at by `read_change`."""
        by_status = ACTION_OF_STATUS.get(given.get("status", ""))
        chosen = ReviewAction(given["reviewAction"]) if "reviewAction" in given else None
        if by_status and chosen and by_status != chosen:
            raise serializers.ValidationError(
                {
                    "status": f"The status {given['status']} and the reviewAction {chosen} contradict each other."
                }
            )
        return chosen or by_status


class DeleteQuery(QueryString):
    hard = serializers.BooleanField(default=False)
    revision = make_revision_field(default=None)


def read_change(given: Mapping[str, Any], conversation: Conversation) -> Change:
    """The change that a body asks for. Raises ValidationError for what does not fit to this conversation."""
    _check_status(given, conversation)
    turns = given.get("turns", [])
    _check_roles(turns, conversation)
    return Change(
        action=given["action"],
        texts={turn["turnNumber"]: turn["content"] for turn in turns},
        sets_score="qualityScore" in given,
        score=given.get("qualityScore"),
        notes=given.get("reviewerNotes"),
        note=given["note"],
        reasons=[ReasonCode(word) for word in dict.fromkeys(given["reasons"])],
        revision=given.get("revision"),
    )


def _check_status(given: Mapping[str, Any], conversation: Conversation) -> None:
    """A status that people do not give may only be the one that it has: a client that sends back what it read."""
    status = given.get("status")
    if status is None or status in ACTION_OF_STATUS or status == conversation.status:
        return
    raise serializers.ValidationError({"status": NOT_BY_HAND})


def _check_roles(turns: list[dict[str, Any]], conversation: Conversation) -> None:
    if not any("role" in turn for turn in turns):
        return
    roles = dict(conversation.turns.values_list("turn_number", "role"))
    for turn in turns:
        role = roles.get(turn["turnNumber"])
        if role and turn.get("role", role).strip().lower() != role:
            raise serializers.ValidationError(
                {"turns": f"Turn {turn['turnNumber']} is the {role}'s. An edit changes texts, not roles."}
            )
