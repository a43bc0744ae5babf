"""Search in turns: in any language, marked in a snippet, bounded, and only in what the rows allow."""

import pytest

from conversations.models import Conversation, search
from conversations.models.search import find_snippets, mark_words, search_conversations, split_words
from conversations.states import Status
from tests.factories import make_conversation, make_user
from workspaces.models import User

pytestmark = pytest.mark.django_db

TEXTS = {
    "German": "Die Altersvorsorge ist in der Schweiz geregelt.",
    "Chinese": "我想了解退休金计划的细节。",
    "Arabic": "أريد أن أعرف المزيد عن خطة التقاعد",
    "Thai": "ฉันอยากทราบเกี่ยวกับแผนการเกษียณ",
    "Russian": "Пенсионный фонд платит каждый месяц.",
    "Korean": "연금 제도에 대해 알고 싶습니다",
    "Greek": "Η σύνταξη είναι μικρή",
    "emoji": "I am happy 😀🎉 with it",
    "code": "Use <b>bold</b> & 100%_done \\d+ 'quoted' $1",
    "lines": "First line\nsecond   line\twith tabs",
}
HITS = [
    ("vorsorge", "German"),
    ("ALTERSVORSORGE", "German"),
    ("schweiz geregelt", "German"),
    ("geregelt die", "German"),
    ("退休金", "Chinese"),
    ("退休", "Chinese"),
    ("金", "Chinese"),
    ("التقاعد", "Arabic"),
    ("เกษียณ", "Thai"),
    ("ПЕНСИОННЫЙ", "Russian"),
    ("연금", "Korean"),
    ("ΣΎΝΤΑΞΗ", "Greek"),
    ("😀", "emoji"),
    ("<b>bold</b>", "code"),
    ("100%_", "code"),
    (r"\d+", "code"),
    ("'quoted'", "code"),
    ("line second", "lines"),
    ('"first line"', "lines"),
    ("“first line”", "lines"),
    ("«First line»", "lines"),
]


@pytest.fixture
def user() -> User:
    return make_user()


def find(user: User, text: str) -> set[str]:
    rows = Conversation.objects.visible_to(user).heads()
    return {row.title for row in search_conversations(rows, text).rows}


def test_a_part_of_a_turn_in_any_language(user: User) -> None:
    for name, text in TEXTS.items():
        make_conversation(by=user, title=name, turns=["Hello", text])
    for wanted, name in HITS:
        assert find(user, wanted) == {name}, wanted
    for wanted in (
        "schweiz 退休金",
        '"second line"x',
        "100%x",
        "%",
        "___",
        "\\",
        '"',
        "“”",
        "DROP TABLE x; --",
    ):
        assert find(user, wanted) == ({"code"} if wanted in ("%", "\\") else set()), wanted
    assert find(user, "  \x00 ") == set(TEXTS)


def test_the_snippet_is_the_first_such_turn_with_the_words_marked(user: User) -> None:
    long = "x " * 300
    made = make_conversation(
        by=user, turns=["nothing", f"{long}the Pension Fund pays. {long}", "pension fund"]
    )
    other = make_conversation(by=user, turns=["nothing"], title="Pension fund")
    rows = Conversation.objects.visible_to(user)
    found = find_snippets(rows, [made.pk, other.pk], "fund PENSION")
    assert set(found) == {made.pk}
    snippet = found[made.pk]
    assert snippet.turn == 2
    assert [text for text, is_word in snippet.pieces if is_word] == ["Pension", "Fund"]
    whole = "".join(text for text, _ in snippet.pieces)
    assert whole.startswith("…")
    assert whole.endswith("…")
    assert len(whole) <= search.SNIPPET + 10


def test_older_versions_and_other_peoples_turns_are_not_found(user: User) -> None:
    make_conversation(title="theirs", turns=["a rare zebra"])
    make_conversation(by=user, title="old", turns=["a rare zebra"], is_head=False, status=Status.ARCHIVED)
    make_conversation(by=user, title="mine", turns=["a rare zebra"])
    assert find(user, "zebra") == {"mine"}


def test_a_common_text_goes_through_the_newest_only(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        make_conversation(by=user, title=f"{number}", turns=["common", "common", f"rare{number}"])
    rows = Conversation.objects.visible_to(user).heads()
    monkeypatch.setattr(search, "MOST_TURNS", 3)
    found = search_conversations(rows, "common")
    assert (found.rows.count(), found.is_partial) == (4, False)
    monkeypatch.setattr(search, "NEWEST", 2)
    found = search_conversations(rows, "common")
    assert ({row.title for row in found.rows}, found.is_partial) == ({"2", "3"}, True)
    found = search_conversations(rows, "rare0")
    assert ({row.title for row in found.rows}, found.is_partial) == ({"0"}, False)
    narrowed = search_conversations(rows.filter(title="0"), "common")
    assert (narrowed.rows.count(), narrowed.is_partial) == (1, False)


def test_a_list_ends_the_search_for_a_frequent_text_when_a_page_is_full(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        words = f"{'frequent' if number % 2 else 'other'} {'singular' if number == 7 else ''}"
        make_conversation(by=user, title=f"{number:02}", turns=[words])
    make_conversation(title="of another workspace", turns=["frequent"])
    monkeypatch.setattr(search, "PROBE", 4)
    monkeypatch.setattr(search, "WHOLE", 5)
    rows = Conversation.objects.visible_to(user).heads().order_by("title")

    def find_first(text: str, enough: int) -> tuple[list[str], int | None]:
        found = search_conversations(rows, text, enough=enough)
        return [row.title for row in found.rows], found.looked_at

    assert find_first("frequent", 2) == (["01", "03"], 4)
    assert find_first("FREQUENT", 4) == (["01", "03", "05", "07"], 9), (
        "after the first four five more were read"
    )
    assert find_first("frequent", 6) == (["01", "03", "05", "07", "09", "11"], None), "all were looked at"
    assert find_first("singular", 1) == (["07"], None), "it is rare at the beginning, so the index was asked"
    assert find_first("no such text", 1) == ([], None)
    monkeypatch.setattr(search, "WHOLE", 12)
    assert find_first("frequent", 1) == (["01", "03", "05", "07", "09", "11"], None), (
        "a short list is read whole"
    )
    monkeypatch.setattr(search, "WHOLE", 5)
    monkeypatch.setattr(search, "NEWEST", 6)
    assert find_first("frequent", 4)[0] == ["01", "03", "05", "07", "09", "11"], "the index finds all of them"
    narrowed = search_conversations(rows.filter(title__lt="04"), "frequent", enough=50)
    assert ([row.title for row in narrowed.rows], narrowed.looked_at) == (["01", "03"], None)


def test_what_stands_in_quotation_marks_is_one_word() -> None:
    assert split_words('one "two  three" ONE one') == ["one", "two three", "ONE"]
    assert split_words('"unclosed quote') == ['"unclosed', "quote"]
    assert split_words('""') == ['""']
    assert split_words(" ".join("abcdefghi")) == ["a b c d e f g h i"]
    assert split_words("a\x00b") == ["a", "b"]


def test_marks_keep_the_text() -> None:
    assert mark_words("Große GROSSE ß", ["größe"]) == [("Große GROSSE ß", False)]
    assert mark_words("ein Maß, MASS", ["maß"]) == [("ein ", False), ("Maß", True), (", MASS", False)]
    assert mark_words("ﬁne İstanbul", ["istanbul"])[0][0] == "ﬁne İstanbul"
    assert mark_words("aXbx", ["x", "xb"]) == [("a", False), ("Xb", True), ("x", True)]
    assert mark_words("", ["x"]) == []
