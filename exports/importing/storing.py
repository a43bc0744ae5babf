"""Store what a file holds: a new conversation, or a new version of one that is here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from background.models import BackgroundJob
from conversations.comparison import compare_after_commit
from conversations.ids import parse_id, reserve_ids, take_ids
from conversations.models import Conversation
from conversations.scoring import score_turns
from conversations.states import Source
from conversations.thresholds import Thresholds
from conversations.versions import add_version, build_turns
from exports.importing.choices import Choices
from exports.importing.reading import ReadConversation
from lib.statements import insert
from templates_app.models import TemplateVersion
from workspaces.models import Workspace

LONGEST_TITLE = 80  # of one that is made from the first turn


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where conversations of a file go, and what they get where it names nothing. `floors`: see `reserve_file_ids`."""

    workspace: Workspace
    job: BackgroundJob
    file_name: str
    choices: Choices
    version: TemplateVersion | None
    thresholds: Thresholds
    floors: Mapping[str, int]


def reserve_file_ids(workspace: Workspace, conversations: list[ReadConversation]) -> dict[str, int]:
    """Keep the counters of ids off the ids of a file. Returns for each slug the first number that a conversation may keep."""
    highest: dict[str, int] = {}
    for each in conversations:
        if found := parse_id(each.id, prefix=workspace.id_prefix):
            highest[found[0]] = max(found[1], highest.get(found[0], 0))
    return reserve_ids(workspace.pk, highest) if highest else {}


def store_new(each: ReadConversation, to: Destination) -> Conversation:
    """A conversation that nobody has decided about. It keeps the file's id where that is free and one of ours."""
    key = uuid4()
    persona = each.fields.get("persona") or to.choices.persona
    name = each.id if _is_free(each.id, to) else take_ids(to.workspace, [persona])[0]
    made = Conversation(
        **score_turns(each.turns, version=to.version, thresholds=to.thresholds),
        **_list_fields(each, to),
        id=key,
        root_id=key,
        workspace=to.workspace,
        created_by=to.job.created_by,
        conversation_id=name,
        external_id="" if name == each.id else each.id,
        template_version=to.version,
        source=Source.IMPORTED,
        import_job=to.job,
    )
    insert([made])
    insert(build_turns(each.turns, made))
    compare_after_commit(key)
    return made


def store_version(each: ReadConversation, head: UUID, to: Destination) -> Conversation:
    """The correction of a conversation as its newest version, which is undecided again."""
    parent = Conversation.objects.select_related("template_version").get(pk=head)
    changed: dict[str, Any] = {"title": each.fields["title"]} if "title" in each.fields else {}
    if each.system is not None and each.system != parent.training_system_prompt:
        changed["system_prompt"] = each.system
    return add_version(
        parent,
        turns=each.turns,
        by=to.job.created_by,
        source=Source.IMPORTED,
        change_note=f"Imported from {to.file_name}, row {each.number}.",
        import_job=to.job,
        **changed,
    )


def _list_fields(each: ReadConversation, to: Destination) -> dict[str, Any]:
    given, choices = each.fields, to.choices
    language = to.version.language if to.version else "en"
    return {
        **{name: given.get(name, "") for name in ("emotion", "topic", "intent", "tone", "model")},
        "title": given.get("title") or _make_title(each),
        "persona": given.get("persona") or choices.persona,
        "tier": given.get("tier") or choices.tier,
        "category": given.get("category", []),
        "language": given.get("language") or choices.language or language,
        "simulated": given.get("simulated", False),
        "system_prompt": each.system,
    }


def _make_title(each: ReadConversation) -> str:
    """As for a reply without a title, persona and topic; else the beginning of the first turn."""
    named = " - ".join(each.fields[name] for name in ("persona", "topic") if name in each.fields)
    words = " ".join(each.turns[0].content[: LONGEST_TITLE * 4].split())
    return named[:300] or (words if len(words) <= LONGEST_TITLE else f"{words[: LONGEST_TITLE - 1]}…")


def _is_free(given: str, to: Destination) -> bool:
    """Whether the file's id can be kept: it has our form, no item of a batch has it, and no conversation."""
    found = parse_id(given, prefix=to.workspace.id_prefix)
    if found is None or found[1] < to.floors.get(found[0], found[1] + 1):
        return False
    rows = Conversation.objects.filter(workspace=to.workspace, conversation_id=given)
    return not rows.exists()
