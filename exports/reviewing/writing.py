"""Write the file for reviewers: a row for each conversation, in constant memory."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from django.db.models import Max

from conversations.models import ConversationQuerySet, Turn
from exports.reviewing.columns import TO_FILL, list_columns
from lib.tables.guarded_csv import BYTE_ORDER_MARK, encode_rows

CHUNK = 100
MOST_ROWS = 5_000
FIELDS = (
    "id",
    "conversation_id",
    "version",
    "revision",
    "title",
    "persona",
    "tier",
    "status",
    "quality_score",
    "flags",
)


class TooManyRows(ValueError):
    """More conversations than a file for reviewers takes."""

    def __init__(self) -> None:
        super().__init__(f"A file for reviewers has at most {MOST_ROWS:,} conversations. Narrow the filter.")


def write_sheet(rows: ConversationQuerySet) -> Iterator[bytes]:
    """The file of these conversations, in the order of the query. Raises TooManyRows, before anything is written."""
    rows = rows.filter(turn_count__gt=0)
    if rows.order_by().values("pk")[MOST_ROWS : MOST_ROWS + 1]:
        raise TooManyRows
    longest = rows.order_by().aggregate(longest=Max("turn_count"))["longest"] or 0
    return _iter_parts(rows, longest)


def _iter_parts(rows: ConversationQuerySet, longest: int) -> Iterator[bytes]:
    yield encode_rows([list_columns(longest)], first=BYTE_ORDER_MARK)
    found = rows.values(*FIELDS).iterator(chunk_size=CHUNK)
    while chunk := list(islice(found, CHUNK)):
        texts = _read_texts([each["id"] for each in chunk])
        yield encode_rows([_make_row(each, texts[each["id"]], longest) for each in chunk])


def _make_row(each: dict[str, Any], texts: Sequence[str], longest: int) -> list[str]:
    flags = ", ".join(dict.fromkeys(flag["kind"] for flag in each["flags"]))
    score = "" if each["quality_score"] is None else str(each["quality_score"])
    shown = [each["title"], each["persona"], each["tier"], each["status"], score, flags]
    pairs = [cell for text in texts for cell in (text, "")] + [""] * 2 * (longest - len(texts))
    return [
        each["conversation_id"],
        str(each["version"]),
        str(each["revision"]),
        *shown,
        *("" for _ in TO_FILL),
        *pairs,
    ]


def _read_texts(keys: list[Any]) -> dict[Any, list[str]]:
    texts: dict[Any, list[str]] = defaultdict(list)
    turns = Turn.objects.filter(conversation__in=keys).order_by("conversation", "turn_number")
    for key, content in turns.values_list("conversation", "content"):
        texts[key].append(content)
    return texts
