"""Conversations as a stream of lines, in a fixed order and with constant memory."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import itemgetter
from typing import BinaryIO, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from batches.models import BatchJob
from conversations.models import Conversation, Turn
from conversations.states import Status
from exports.formats import ExportError, encode_messages
from templates_app.models import TemplateVersion

# 250 conversations of 12 turns have about 2 MB. The turns of a chunk are loaded in one query.
CHUNK = 250


class _ConversationRow(NamedTuple):
    id: UUID
    conversation_id: str
    template_version_id: UUID | None
    tier: str
    status: str
    model: str
    simulated: bool
    system_prompt: str | None


class Line(NamedTuple):
    """A conversation and its line."""

    row: _ConversationRow
    turns: int
    line: bytes


@dataclass(kw_only=True)
class Written:
    """The content of a file, counted while it is written, so that it describes exactly these bytes."""

    count: int = 0
    turns: int = 0
    bytes: int = 0
    simulated: int = 0
    sha256: str = ""
    statuses: Counter[str] = field(default_factory=Counter)
    tiers: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    versions: Counter[UUID] = field(default_factory=Counter)

    def add(self, each: Line) -> None:
        self.count += 1
        self.turns += each.turns
        self.bytes += len(each.line)
        self.simulated += each.row.simulated
        self.statuses[each.row.status] += 1
        self.tiers[each.row.tier] += 1
        self.models[each.row.model] += 1
        if each.row.template_version_id:
            self.versions[each.row.template_version_id] += 1


def select_for_job(job: BatchJob) -> QuerySet[Conversation]:
    """The conversations of a job in their newest version, reviewed or not, but for rejected and archived ones.

    They come in the order of its plan.
    """
    rows = Conversation.objects.heads().of_job(job.pk).exclude(status__in=[Status.REJECTED, Status.ARCHIVED])
    return rows.order_by("root__batch_item__position", "root")


def write_jsonl(conversations: QuerySet[Conversation], stream: BinaryIO, *, system: bool = True) -> Written:
    """Write `messages` JSONL. Raises ExportError naming a conversation that cannot be written.

    `system`: whether a conversation begins with the training system prompt of its template. Some models take none.
    """
    written, digest = Written(), hashlib.sha256()
    for each in iter_lines(conversations, system=system):
        stream.write(each.line)
        digest.update(each.line)
        written.add(each)
    written.sha256 = digest.hexdigest()
    return written


def iter_jsonl(conversations: QuerySet[Conversation], *, system: bool = True) -> Iterator[bytes]:
    """The same bytes for a streaming response."""
    return (each.line for each in iter_lines(conversations, system=system))


def iter_lines(conversations: QuerySet[Conversation], *, system: bool = True) -> Iterator[Line]:
    """The lines in the order of the query, or by creation. A server-side cursor keeps the memory constant."""
    ordered = conversations if conversations.ordered else conversations.order_by("created_at", "id")
    rows = map(
        _ConversationRow._make, ordered.values_list(*_ConversationRow._fields).iterator(chunk_size=CHUNK)
    )
    systems: dict[UUID | None, str] = {None: ""}
    while chunk := list(islice(rows, CHUNK)):
        if system:
            _load_system_prompts(systems, chunk)
        turns = _load_turns(chunk)
        for row in chunk:
            own = row.system_prompt if system else None
            text = systems.get(row.template_version_id, "") if own is None else own
            yield _make_line(row, turns.get(row.id, []), text)


def _make_line(row: _ConversationRow, turns: Sequence[tuple[str, str]], system: str) -> Line:
    try:
        return Line(row, len(turns), encode_messages(turns, system=system))
    except ExportError as error:
        raise ExportError(f"The conversation {row.conversation_id} cannot be exported: {error}.") from error


def _load_system_prompts(systems: dict[UUID | None, str], chunk: Sequence[_ConversationRow]) -> None:
    """Load the training system prompt of each new version. The generator's own system prompt is never exported."""
    new = {key for row in chunk if (key := row.template_version_id) and key not in systems}
    if new:
        systems.update(TemplateVersion.objects.filter(pk__in=new).values_list("pk", "training_system_prompt"))


def _load_turns(chunk: Sequence[_ConversationRow]) -> dict[UUID, list[tuple[str, str]]]:
    found = (
        Turn.objects.filter(conversation_id__in=[row.id for row in chunk])
        .order_by("conversation_id", "turn_number")
        .values_list("conversation_id", "role", "content")
    )
    groups = groupby(found, key=itemgetter(0))
    return {key: [(role, content) for _, role, content in group] for key, group in groups}
