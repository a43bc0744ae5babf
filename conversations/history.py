"""The history of a conversation for readers: what people decided about it, and what else they did with it."""

from collections.abc import Collection
from uuid import UUID

from conversations.models import Conversation, Decision
from conversations.states import DECISIONS, Status
from conversations.versions import REPLACED
from workspaces.audit import HISTORY_SHOWN, HistoryLine, read_history
from workspaces.models import User
from workspaces.states import Action, TargetKind

# These are told by the decisions themselves: those about many at once have one entry for all in the audit log.
TOLD_BY_DECISIONS = (
    *(Action.APPROVE, Action.REJECT, Action.SEND_BACK),
    *(Action.ARCHIVE, Action.RESTORE, Action.UNDO),
)


def read_conversation_history(
    conversation: Conversation, *, keys: Collection[UUID] = ()
) -> list[HistoryLine]:
    """Newest first, the last 50. At most three queries; the caller checks who may see it.

    Of this version alone, or with `keys` of all these versions together.
    """
    versions = keys or [conversation.pk]
    others = read_history(TargetKind.CONVERSATION, *versions, without=TOLD_BY_DECISIONS)
    rows = Decision.objects.filter(conversation__in=versions).order_by("-created_at", "-revision")
    if keys:  # whoever has replaced a version is told by the entry of the newer one
        rows = rows.exclude(to_status=Status.ARCHIVED, note__startswith=REPLACED)
    decisions = list(rows[:HISTORY_SHOWN])
    names = _find_approvers(decisions)
    lines = [*others, *(_tell(each, names) for each in decisions)]
    return sorted(lines, key=lambda line: line.at, reverse=True)[:HISTORY_SHOWN]


def _tell(decision: Decision, names: dict[str, str]) -> HistoryLine:
    details = []
    if approver := decision.before.get("approved_by_id"):
        details.append(f"was approved by: {names.get(approver, 'somebody who is gone')}")
    if decision.on_behalf_of:
        details.append(f"for {decision.on_behalf_of}")
    return HistoryLine(f"{decision.who_name} {_say(decision)}", ", ".join(details), decision.created_at)


def _say(decision: Decision) -> str:
    if decision.undoes_id:
        return "took back a decision about this conversation"
    if decision.to_status == Status.ARCHIVED:
        return "archived this conversation"
    if decision.from_status == Status.ARCHIVED:
        return "restored this conversation from the archive"
    if decision.to_status == Status.NEEDS_REVISION:
        return "sent this conversation back for revision"
    return f"{DECISIONS[Status(decision.to_status)]} this conversation"


def _find_approvers(decisions: list[Decision]) -> dict[str, str]:
    keys = {each.before.get("approved_by_id") for each in decisions} - {None}
    people = User.objects.filter(pk__in=keys) if keys else []
    return {str(person.pk): person.email or person.get_username() for person in people}
