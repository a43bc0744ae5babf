"""Search: in the short texts of a conversation (id, title, persona, emotion, topic), and in its turns.

A word may be any part of a text in any language; case does not matter. Up to eight words may stand anywhere in one text;
what is in quotation marks, and a longer text as a whole, is looked for as it stands.

A list shows one page, so a word that stands in many conversations is looked for row by row in the order of the list, until
the page is full. For others the turns have a trigram index. It does not help where no word has three letters or digits in a
row, nor where too many turns match. Then only the turns of the newest conversations are looked through: no search takes long.
"""

import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import F, IntegerField, Q, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Greatest, StrIndex, Substr, Upper

from workspaces.models import WorkspaceQuerySet

MOST_WORDS = 8
MOST_TURNS = (
    2_000  # turns that the index may find; a search with more of them goes through the newest conversations
)
NEWEST = 2_000  # conversations; at twelve turns each they take about 0.1 s
WHOLE = 400  # a list of so many is looked through as a whole, so that its count is exact
PROBE = 50  # the first rows of a list, which tell how frequent a text is
FREQUENT = 0.1  # the share of them that makes it worth reading on, row by row
SPARE = 1.05  # rows read beyond those that should be enough
BEFORE, SNIPPET = 50, 200  # characters of a snippet before the first word, and in all
# These run beside row level security, which would keep the trigram indexes out, and apply the workspaces themselves.
FIND_TURNS = "SELECT lorapipe_find_turns(%s::uuid[], %s::text[], %s)"
FIND_CONVERSATIONS = "SELECT lorapipe_find_conversations(%s::uuid[], %s::text[], %s::uuid[])"
MATCH_CONVERSATIONS = "SELECT lorapipe_match_conversations(%s::uuid[], %s::text[], %s::uuid[])"
WORD = re.compile(r"[\"“„«]([^\"“”„»]*[^\s\"“”„»][^\"“”„»]*)[\"“”»]|(\S+)")
INDEXED_LETTERS = 3
Rows = TypeVar("Rows", bound=WorkspaceQuerySet)  # conversations; `querysets.py` asks this module


@dataclass(frozen=True)
class SearchResult(Generic[Rows]):
    """`looked_at`: how many conversations were looked through where that was not all, the newest or, if `is_walk`, the first.

    `keys`: those of `rows`, in their order, where the search went through them in that order.
    """

    rows: Rows
    looked_at: int | None = None
    is_walk: bool = False
    keys: Sequence[UUID] | None = None

    @property
    def is_partial(self) -> bool:
        return self.looked_at is not None


class Snippet(NamedTuple):
    """A part of a turn that a search has found. Each piece is a text, and whether it is one of the words."""

    turn: int
    pieces: list[tuple[str, bool]]


def split_words(text: str) -> list[str]:
    """The words of a search, each once; none for a blank text. PostgreSQL stores no NUL, so it separates words."""
    text = text.replace("\x00", " ")
    found = [" ".join((quoted or plain).split()) for quoted, plain in WORD.findall(text)]
    words = list(dict.fromkeys(found))
    return words if len(words) <= MOST_WORDS else [" ".join(text.split())]


def search_conversations(rows: Rows, text: str, *, enough: int | None = None) -> SearchResult[Rows]:
    """Those of `rows` that hold every word of `text`, all of them in one turn or in the short texts.

    `rows` are of the workspaces that the person may see; other filters come before the search, because its bound counts
    what they leave. `enough`: where the rows are shown as a list, in their order, so many of the first ones will do.
    It asks the database at once, one to ten short queries.
    """
    words = split_words(text)
    if not words:
        return SearchResult(rows)
    if enough is not None and (walked := _walk(rows, words, enough)):
        return walked
    keys, is_partial = _find_in_turns(rows.order_by(), words)
    found = RawSQL(FIND_CONVERSATIONS, [_list(rows.within), list(words), list(keys)])  # noqa: S611 (values are parameters)
    return SearchResult(rows.filter(pk__in=found), NEWEST if is_partial else None)


def _walk(rows: Rows, words: Sequence[str], enough: int) -> SearchResult[Rows] | None:
    """The first `enough` that match, or somewhat more, in the order of `rows`. None where the text is too rare for this."""
    keys = list(rows.values_list("pk", flat=True)[: WHOLE + 1])
    if len(keys) <= WHOLE:
        return _list_found(rows, keys, _match(rows, words, keys))
    found: set[UUID] = set()
    looked_at, size = 0, PROBE
    while looked_at < NEWEST:
        if len(keys) < looked_at + size:
            keys = list(rows.values_list("pk", flat=True)[: looked_at + size])
        found |= _match(rows, words, keys[looked_at : looked_at + size])
        looked_at += size
        if len(keys) < looked_at:
            return _list_found(rows, keys, found)
        if len(found) < looked_at * FREQUENT:
            return None
        if len(found) >= enough:
            return _list_found(rows, keys, found, looked_at)
        still = math.ceil((enough - len(found)) * looked_at / len(found) * SPARE)
        size = min(still, NEWEST - looked_at)
    return None


def _list_found(
    rows: Rows, keys: Sequence[UUID], found: set[UUID], looked_at: int | None = None
) -> SearchResult[Rows]:
    """Those of `keys`, which are in the order of `rows`, that were found."""
    ordered = [key for key in keys if key in found]
    return SearchResult(rows.filter(pk__in=ordered), looked_at, is_walk=looked_at is not None, keys=ordered)


def _match(rows: WorkspaceQuerySet, words: Sequence[str], keys: Sequence[UUID]) -> set[UUID]:
    among = (
        f"{{{','.join([key.hex for key in keys])}}}"  # psycopg takes seven times as long for a list of keys
    )
    with connection.cursor() as cursor:
        cursor.execute(MATCH_CONVERSATIONS, [_list(rows.within), list(words), among])
        return {key for (key,) in cursor.fetchall()}


def _find_in_turns(rows: WorkspaceQuerySet, words: Sequence[str]) -> tuple[set[UUID], bool]:
    """The keys of the conversations with such a turn, also of some that `rows` leave out; and whether that is not all of them."""
    if any(_has_indexed_part(word) for word in words):
        with connection.cursor() as cursor:
            cursor.execute(FIND_TURNS, [_list(rows.within), list(words), MOST_TURNS + 1])
            keys = [key for (key,) in cursor.fetchall()]
        if len(keys) <= MOST_TURNS:
            return set(keys), False
    newest = list(rows.order_by("-created_at", "-pk").values_list("pk", flat=True)[: NEWEST + 1])
    among = _match_turns(rows, words).filter(conversation__in=newest[:NEWEST])
    return set(among.values_list("conversation_id", flat=True)), len(newest) > NEWEST


def _list(workspaces: Collection[UUID] | None) -> list[UUID] | None:
    return None if workspaces is None else list(workspaces)


def _match_turns(rows: WorkspaceQuerySet, words: Sequence[str]) -> Any:
    turns = rows.model._meta.get_field("turns").related_model._default_manager
    return turns.alias(upper=Upper("content")).filter(_hold_words("upper", words)).order_by()


def _hold_words(column: str, words: Sequence[str]) -> Q:
    """The database puts the words into upper case, by the same rules as the column."""
    held = Q()
    for word in words:
        held &= Q((f"{column}__contains", Upper(Value(word))))
    return held


def _has_indexed_part(word: str) -> bool:
    """Whether the word has three letters or digits in a row, of which the index knows something."""
    run = 0
    for character in word:
        run = run + 1 if unicodedata.category(character)[0] in "LN" else 0
        if run == INDEXED_LETTERS:
            return True
    return False


# --- what a page shows of a hit --------------------------------------------------------------------------


def find_snippets(rows: WorkspaceQuerySet, keys: Collection[UUID], text: str) -> Mapping[UUID, Snippet]:
    """For each of these conversations the first turn that holds every word of `text`, in one query."""
    words = split_words(text)
    if not words or not keys:
        return {}
    place: Any = StrIndex(F("upper"), Upper(Value(words[0])))
    start = Greatest(place - BEFORE, Value(1), output_field=IntegerField())
    turns = (
        _match_turns(rows, words)
        .filter(conversation__in=keys)
        .annotate(start=start, piece=Substr("content", start, SNIPPET + len(words[0])))
    )
    first = turns.order_by("conversation_id", "turn_number").distinct("conversation_id")
    values = first.values_list("conversation_id", "turn_number", "start", "piece")
    return {key: Snippet(turn, mark_words(_frame(piece, start), words)) for key, turn, start, piece in values}


def _frame(piece: str, start: int) -> str:
    """In one line, with dots where the turn goes on."""
    before, after = "…" if start > 1 else "", "…" if len(piece) >= SNIPPET else ""
    return f"{before}{' '.join(piece.split())}{after}"


def mark_words(text: str, words: Sequence[str]) -> list[tuple[str, bool]]:
    """The text cut into pieces, each with whether it is one of the words, in whatever case."""
    folded = [_fold(word) for word in words]
    pattern = "|".join(re.escape(word) for word in sorted(folded, key=len, reverse=True) if word)
    pieces: list[tuple[str, bool]] = []
    end = 0
    for hit in re.finditer(pattern, _fold(text)) if pattern else ():
        if hit.start() > end:
            pieces.append((text[end : hit.start()], False))
        pieces.append((text[hit.start() : hit.end()], True))
        end = hit.end()
    return [*pieces, (text[end:], False)] if end < len(text) else pieces


def _fold(text: str) -> str:
    """In upper case, character by character, so that a place in it is the same place in the text."""
    return "".join(upper if len(upper := character.upper()) == 1 else character for character in text)
