"""The history of one version for readers: what people decided about it, and what else they did with it."""

from conversations.models import Conversation, Decision
from conversations.states import DECISIONS, Status
from workspaces.audit import HISTORY_SHOWN, HistoryLine, read_history
from workspaces.models import User
from workspaces.states import Action, TargetKind

# These are told by the decisions themselves: those about many at once have one entry for all in the audit log.
TOLD_BY_DECISIONS = (
    *(Action.APPROVE, Action.REJECT, Action.SEND_BACK),
    *(Action.ARCHIVE, Action.RESTORE, Action.UNDO),
)


def read_conversation_history(conversation: Conversation) -> list[HistoryLine]:
    """Newest first, the last 50. At most three queries; the caller checks who may see it."""
    others = read_history(TargetKind.CONVERSATION, conversation.pk, without=TOLD_BY_DECISIONS)
    decisions = list(conversation.decisions.order_by("-revision")[:HISTORY_SHOWN])
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
