"""The plan of chosen conversations: drafts without text, each of which is generated from its own values."""

from collections.abc import Sequence
from uuid import UUID

from batches.planning.plan import PlanError, PlannedItem, find_published_versions
from conversations.models import Conversation
from conversations.states import Status
from lib.row_problems import RowProblem
from workspaces.models import Workspace


def chosen_plan(workspace: Workspace, ids: Sequence[UUID]) -> list[PlannedItem]:
    """One item for each draft, in the given order and with its own template version, which fills the draft.

    The drafts are not changed until an item is claimed.

    Raises PlanError for a conversation that does not exist, is not a draft, or has no template.
    """
    rows = Conversation.objects.filter(workspace=workspace, pk__in=ids).select_related(
        "template_version__template"
    )
    found = {each.pk: each for each in rows}
    starters = {version.template.tier: version for version in find_published_versions(workspace).values()}
    problems, items = [], []
    for position, key in enumerate(dict.fromkeys(ids), start=1):
        draft = found.get(key)
        version = draft and (draft.template_version or starters.get(draft.tier))
        if draft is None:
            problems.append(RowProblem(position, "conversationIds", f"{key} is not there."))
        elif draft.status != Status.DRAFT:
            problems.append(
                RowProblem(
                    position, "conversationIds", f"{draft.conversation_id} is no draft: it is {draft.status}."
                )
            )
        elif version is None:
            problems.append(
                RowProblem(position, "conversationIds", f"{draft.conversation_id} names no template.")
            )
        else:
            items.append(
                PlannedItem(
                    position=position,
                    tier=draft.tier,
                    version=version,
                    topic=draft.topic,
                    parameters=draft.parameters or {"topic": draft.topic},
                    category=tuple(draft.category),
                    fills=draft,
                )
            )
    if problems:
        raise PlanError(problems)
    return items
