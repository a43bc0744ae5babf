"""The frozen conversations of an export as the writers take them: in their order, in chunks, with constant memory."""

import contextvars
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import repeat
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Max
from psycopg.pq import Format

from exports.formats import FORMATS, Example, Pair, Record, Turn
from exports.models import Export, ExportItem
from templates_app.models import TemplateVersion

# 1,000 conversations of 12 turns have about 5 MB. A chunk takes two or three queries, whatever the format.
CHUNK = 1_000
MOST_BYTES = 32_000_000  # of the turns of a chunk, so that long conversations come a few at a time
# A row for each key, in their order, as far as their turns have no more bytes than wanted. One row for each turn takes longer to
# read. Each key is looked up by itself, because with few rows in the table, or old statistics, the planner would rather read all
# of it for each chunk.
TURNS = """
WITH wanted AS (
    SELECT key, place, sum(bytes) OVER (ORDER BY place) AS bytes_so_far
      FROM unnest(%(keys)s::uuid[]) WITH ORDINALITY AS given (key, place)
     CROSS JOIN LATERAL (
        SELECT coalesce(sum(octet_length(t.content)), 0) AS bytes
          FROM conversation_turns t WHERE t.conversation_id = given.key) AS size
)
SELECT found.roles, found.texts
  FROM wanted
 CROSS JOIN LATERAL (
    SELECT array_agg(t.role ORDER BY t.turn_number), array_agg(t.content ORDER BY t.turn_number)
      FROM conversation_turns t WHERE t.conversation_id = wanted.key) AS found (roles, texts)
 WHERE wanted.place <= %(least)s OR wanted.bytes_so_far <= %(most)s
 ORDER BY wanted.place
"""
ABOUT = (
    *("conversation_id", "title", "tier", "persona", "emotion", "topic", "intent", "tone", "category"),
    *("language", "model", "simulated"),
)


Turns = tuple[Turn, ...]
Items = Sequence[Mapping[str, Any]]


class Gone(Exception):
    """A conversation of the export was deleted for good, so its files cannot be written as they were frozen."""

    def __init__(self) -> None:
        super().__init__(
            "A conversation of this export has been deleted for good since it was frozen. Start a new export of the others."
        )


class Line(NamedTuple):
    """A frozen row and its record for a writer."""

    position: int
    split: str
    key: UUID
    record: Record


class Reader:
    """`with_metadata`: whether the records carry what the format writes beside the turns; most formats of trainers do not."""

    def __init__(self, export: Export, *, with_metadata: bool) -> None:
        self._export = export
        self._with_metadata = with_metadata
        self._last = 0  # position; some before it may be missing
        self._pairs = FORMATS[export.format].takes == "pairs"
        self._systems: dict[UUID | None, str] = {None: ""}
        stored = export.counts.get("template_versions", [])
        self._templates = {each["id"]: (each["name"], each["number"]) for each in stored}

    def iter_chunks(self, finished: Callable[[int], None]) -> Iterator[list[Line]]:
        """Up to CHUNK rows at a time, by position, fewer of long conversations. Raises Gone.

        While one chunk is used the next one is read, which halves the time of writing. Both use the same connection, so the body must
        not ask the database. What it would ask belongs into `finished`, which is called with the number of rows after each chunk.
        """
        rows = ExportItem.objects.filter(export=self._export)
        self._last = rows.aggregate(last=Max("position"))["last"] or 0
        with read_beside() as submit:
            ahead = submit(self._read, 0)
            while (read := ahead.result()) is not None:
                with pause_collector():
                    lines = self._build(*read)
                ahead = submit(self._read, lines[-1].position)
                yield lines
                wait([ahead])
                finished(len(lines))

    def _read(self, after: int) -> tuple[Items, list[Turns]] | None:
        """The next rows, and the turns of the first of them: as many as MOST_BYTES allow, at least one. None after the last row."""
        with pause_collector():
            items = self._read_items(after)
            if not items:
                return None
            sides = ("conversation", "other") if self._pairs else ("conversation",)
            keys = [item[side] for item in items for side in sides]
            if None in keys:
                raise Gone
            self._load_systems(items)
            return items, read_turns(keys, least=len(sides))

    def _read_items(self, after: int) -> Items:
        """The rows of the next CHUNK positions that have any.

        With both ends of the positions in its condition. The rows are new, so the statistics do not know them yet: asked for the first ones
        after a position, the planner sorted all that follow it, for each chunk.
        """
        names = ["position", "split", "label", "conversation"]
        names += [
            f"conversation__{name}" for name in ("conversation_id", "template_version", "system_prompt")
        ]
        names += ["other", "other__version"] if self._pairs else []
        if self._with_metadata:
            names += ["version", "status", "score", "group"]
            names += [f"conversation__{name}" for name in ABOUT if name != "conversation_id"]
        rows = ExportItem.objects.filter(export=self._export).order_by("position")
        for start in range(after, self._last, CHUNK):
            if found := list(rows.filter(position__gt=start, position__lte=start + CHUNK).values(*names)):
                return found
        return []

    def _build(self, items: Items, turns: Sequence[Turns]) -> list[Line]:
        """As many as have their turns. In an export of pairs each item has two versions with turns."""
        own, others = (turns[::2], turns[1::2]) if self._pairs else (turns, repeat(()))
        return [
            Line(item["position"], item["split"], item["conversation"], self._make_record(item, mine, other))
            for item, mine, other in zip(items, own, others, strict=False)
        ]

    def _make_record(self, item: Mapping[str, Any], own: Turns, other: Turns) -> Record:
        name = item["conversation__conversation_id"]
        system = item["conversation__system_prompt"]
        if system is None:
            system = self._systems.get(item["conversation__template_version"], "")
        about = self._describe(item) if self._with_metadata else {}
        if self._pairs:
            # A conversation may be in several pairs.
            name = f"{name}-v{item['other__version']}"
            return Pair(name, own, other, system, about)
        return Example(name, own, system, about, item["label"])

    def _describe(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The usual keys of metadata (`exports.formats.METADATA_KEYS`). What is empty is left out."""
        template = self._templates.get(str(item["conversation__template_version"]), (None, None))
        given = {
            name: item[f"conversation__{name}"]
            for name in ABOUT
            if name not in ("conversation_id", "category")
        }
        about = {
            **given,
            "tags": list(item["conversation__category"]),
            "template": template[0],
            "template_version": template[1],
            "version": item["version"],
            "score": None if item["score"] is None else float(item["score"]),
            "status": item["status"],
            "group": str(item["group"]),
            "split": item["split"],
        }
        return {key: value for key, value in about.items() if value not in (None, "", [])}

    def _load_systems(self, items: Items) -> None:
        """The training system prompt of each new template version. The generator's own system prompt is never exported."""
        new = {each["conversation__template_version"] for each in items} - self._systems.keys()
        if new:
            found = TemplateVersion.objects.filter(pk__in=new)
            self._systems.update(found.values_list("pk", "training_system_prompt"))


@contextmanager
def read_beside() -> Iterator[Callable[..., Future[Any]]]:
    """A function that calls another one in a thread, with the connection and the context of this thread, which waits before it uses them."""
    here, context = connections[DEFAULT_DB_ALIAS], contextvars.copy_context()

    def share() -> None:
        connections[DEFAULT_DB_ALIAS] = here

    def run(*call: Any) -> Any:
        return context.run(*call)

    here.inc_thread_sharing()
    try:
        with ThreadPoolExecutor(1, "read", initializer=share) as pool:
            yield lambda *call: pool.submit(run, *call)
    finally:
        here.dec_thread_sharing()


@contextmanager
def pause_collector() -> Iterator[None]:
    """Without Python's search for cycles: of the thousands of objects of a chunk none is in one, and it took a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read_turns(keys: Sequence[UUID], *, least: int = 1) -> list[Turns]:
    """The turns of the first of these versions in order, in one query; empty for one that has none.

    As many versions as have MOST_BYTES together, and at least `least`. The others take another call.
    """
    with connection.cursor() as cursor:
        cursor.cursor.format = Format.BINARY  # half the work on both sides: nothing is quoted and unquoted
        # As one text, which is made faster than a list of keys.
        wanted = f"{{{','.join([key.hex for key in keys])}}}"
        cursor.execute(TURNS, {"keys": wanted, "least": least, "most": MOST_BYTES})
        return [tuple(map(Turn, roles or (), texts or ())) for roles, texts in cursor.fetchall()]
