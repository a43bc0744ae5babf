"""What of a file the workspace has already: the same turns, or another text under the same id."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from conversations.models import Conversation
from conversations.quality import hash_turns
from conversations.states import Status
from exports.importing.reading import ReadConversation

AT_ONCE = 1_000  # values in one query
T = TypeVar("T")


class Outcome(StrEnum):
    """`there`: the same turns are in the workspace, or stand in the file before. `changed`: its id has other turns here."""

    NEW = "new"
    THERE = "there"
    CHANGED = "changed"


@dataclass(frozen=True)
class Match:
    """`head`: the newest version of the conversation with the same id, if its turns differ."""

    outcome: Outcome
    head: UUID | None = None


# Turns and system text of what stood in the file before.
Seen = set[tuple[str, str | None]]


def match_file(
    conversations: Sequence[ReadConversation], *, workspace: UUID, seen: Seen | None = None
) -> list[Match]:
    """One for each, in order, in a few queries. `seen` is what stood in the file before, and is added to."""
    seen = set() if seen is None else seen
    hashes = [hash_turns(each.turns) for each in conversations]
    systems = _find_systems(set(hashes), workspace)
    heads = _find_heads({each.id for each in conversations if each.id}, workspace)
    return [
        _match_one(each, (key, each.system), systems.get(key, set()), heads.get(each.id), seen)
        for each, key in zip(conversations, hashes, strict=True)
    ]


def count_outcomes(conversations: Sequence[ReadConversation], *, workspace: UUID) -> dict[str, int]:
    """How many of a file are new, there, and changed."""
    found: Counter[str] = Counter()
    seen: Seen = set()
    for some in _divide(conversations):
        found.update(match.outcome.value for match in match_file(some, workspace=workspace, seen=seen))
    return {outcome.value: found[outcome.value] for outcome in Outcome}


def _match_one(
    each: ReadConversation, key: tuple[str, str | None], systems: set[str], head: UUID | None, seen: Seen
) -> Match:
    """A file without system messages says nothing about them, so they do not count then."""
    if key in seen or (systems and (each.system is None or each.system in systems)):
        return Match(Outcome.THERE)
    seen.add(key)
    return Match(Outcome.CHANGED, head) if head else Match(Outcome.NEW)


def _find_systems(hashes: set[str], workspace: UUID) -> dict[str, set[str]]:
    """By hash the system texts with which these turns are exported from here."""
    found: dict[str, set[str]] = {}
    names = ("content_hash", "system_prompt", "template_version__training_system_prompt")
    for some in _divide(sorted(hashes)):
        rows = Conversation.objects.filter(workspace=workspace, content_hash__in=some)
        for key, own, of_template in rows.exclude(content_hash="").values_list(*names):
            found.setdefault(key, set()).add((of_template or "") if own is None else own)
    return found


def _find_heads(ids: set[str], workspace: UUID) -> dict[str, UUID]:
    """By the file's id the newest version with that id, or else with that id of an earlier file, the newest of them."""
    found: dict[str, UUID] = {}
    heads = Conversation.objects.filter(workspace=workspace, is_head=True, turn_count__gt=0)
    heads = heads.exclude(status__in=[Status.ARCHIVED, Status.GENERATING]).order_by("created_at")
    for some in _divide(sorted(ids)):
        imported = heads.filter(external_id__in=some).exclude(external_id="")
        found.update(imported.values_list("external_id", "pk"))
        found.update(heads.filter(conversation_id__in=some).values_list("conversation_id", "pk"))
    return found


def _divide(given: Sequence[T]) -> Iterator[Sequence[T]]:
    return (given[begin : begin + AT_ONCE] for begin in range(0, len(given), AT_ONCE))
