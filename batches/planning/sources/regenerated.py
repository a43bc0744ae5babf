"""The plan of a regeneration: new versions of conversations that are there, by their own values unless others are given."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from batches.planning.plan import PlanError, PlannedItem, move_rest_to_details
from conversations.details import DetailsError, find_detail_problems
from conversations.models import Conversation
from conversations.regeneration import InstructionError, Regeneration, clean_instruction
from conversations.versions import read_turns
from lib.row_problems import RowProblem
from lib.stale_state import Superseded
from templates_app.models import TemplateVersion
from templates_app.states import LONGEST_TOPIC


def plan_again(
    conversations: Sequence[Conversation],
    *,
    version: TemplateVersion | None = None,
    parameters: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    details: Mapping[str, str] | None = None,
    instruction: str = "",
    from_turn: int | None = None,
) -> list[PlannedItem]:
    """One item for each conversation, in order: its newest version, made anew.

    `version` is the template version to use, by default the newest published one of its own template. `parameters` and
    `details` are given instead of its own; `changes` only replace some of its parameters, and None takes one away.
    `from_turn` counts from 1. Raises Superseded for a version that is not the
    newest, DetailsError, and PlanError with every other problem.
    """
    if any(not each.is_head for each in conversations):
        raise Superseded("conversation")
    if details is not None and (problems := find_detail_problems(details)):
        raise DetailsError(problems)
    wanted = _clean(instruction)
    versions = {} if version else find_versions(conversations)
    known = {} if details is not None else find_details(conversations)
    items, wrong = [], []
    for position, each in enumerate(conversations, start=1):
        chosen = version or versions.get(each.template_version_id)
        if problem := _find_problem(each, chosen, from_turn):
            wrong.append(RowProblem(position if len(conversations) > 1 else None, *problem))
            continue
        assert chosen is not None, "else it is a problem"
        item = PlannedItem(
            position=position,
            tier=each.tier,
            version=chosen,
            topic=each.topic,
            parameters=each.parameters if parameters is None else parameters,
            category=tuple(each.category),
            details=known.get(each.root_id, {}) if details is None else details,
            regeneration=_describe(each, wanted, from_turn),
        )
        items.append(_change(item if parameters is not None else move_rest_to_details(item), changes or {}))
    if wrong:
        raise PlanError(wrong)
    return items


def _change(item: PlannedItem, changes: Mapping[str, Any]) -> PlannedItem:
    values = {name: value for name, value in {**item.parameters, **changes}.items() if value is not None}
    topic = str(values.get("topic") or item.topic)[:LONGEST_TOPIC]
    return replace(item, parameters=values, topic=topic)


def _clean(instruction: str) -> str:
    try:
        return clean_instruction(instruction)
    except InstructionError as problem:
        raise PlanError([RowProblem(None, "instruction", str(problem))]) from problem


def _find_problem(
    conversation: Conversation, version: TemplateVersion | None, from_turn: int | None
) -> tuple[str, str] | None:
    """The field and what is wrong with it; None for nothing."""
    name, turns = conversation.conversation_id, conversation.turn_count
    if not turns:
        return "conversation", f"{name} has no text yet. Generate it first."
    if version is None:
        return "templateId", f"{name} was made without a template. Choose one for its new version."
    if version.workspace_id != conversation.workspace_id:
        return (
            "templateId",
            "This template belongs to another workspace. Choose one of the conversation's own.",
        )
    if from_turn is not None and not 1 <= from_turn <= turns:
        return "fromTurn", f"{name} has {turns} turns: choose a turn from 1 to {turns}."
    return None


def _describe(conversation: Conversation, instruction: str, from_turn: int | None) -> Regeneration:
    """From turn 1 on means the whole conversation."""
    kept = from_turn if from_turn and from_turn > 1 else None
    return Regeneration(
        key=conversation.pk,
        conversation_id=conversation.conversation_id,
        version=conversation.version,
        instruction=instruction,
        from_turn=kept,
        kept=tuple(read_turns(conversation)[: kept - 1]) if kept else (),
    )


def find_versions(conversations: Iterable[Conversation]) -> dict[UUID | None, TemplateVersion]:
    """By the template version that a conversation was made with: the newest published one of its template, else itself."""
    made_with = TemplateVersion.objects.filter(pk__in={each.template_version_id for each in conversations})
    own = {each.pk: each for each in made_with.select_related("template", "workspace")}
    published = TemplateVersion.objects.filter(
        template__in={each.template_id for each in own.values()}, published_at__isnull=False
    )
    newest = (
        published.select_related("template", "workspace")
        .order_by("template_id", "-number")
        .distinct("template_id")
    )
    by_template = {each.template_id: each for each in newest}
    return {key: by_template.get(each.template_id, each) for key, each in own.items()}


def find_details(conversations: Iterable[Conversation]) -> dict[UUID, dict[str, str]]:
    """By root: the details that its newest generated version was made with."""
    made = Conversation.objects.filter(
        root__in={each.root_id for each in conversations}, batch_item__isnull=False
    )
    newest = made.order_by("root_id", "-version").distinct("root_id")
    return dict(newest.values_list("root_id", "batch_item__details"))
