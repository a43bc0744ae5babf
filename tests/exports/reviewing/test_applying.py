"""Reviews outside: the file goes out, decisions and edits come back, and conflicts change nothing."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from background.models import BackgroundJob
from conversations import versions
from conversations.models import Conversation, Decision
from conversations.states import Status
from exports.models import ImportedFile
from exports.reviewing import applying
from exports.reviewing.applying import start_reviews, upload_reviews
from exports.reviewing.reading import read_reviews
from exports.reviewing.writing import TooManyRows, write_sheet
from lib.row_problems import RowsError
from lib.stale_state import StaleState
from tests.factories import make_conversation, make_member, make_user
from tests.support.background import run
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
Sheet = list[dict[str, str]]
Back = Callable[..., ImportedFile]


def take_out() -> Sheet:
    """The rows of the file for reviewers, in the order of their titles."""
    content = b"".join(write_sheet(Conversation.objects.filter(is_head=True).order_by("title")))
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def encode(rows: Sheet) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@pytest.fixture
def three(owner: User) -> list[Conversation]:
    texts = (["Hi?", "Hello."], ["=1+1", "'=2", "\u2028 x\r\ny", "Two"], ["What?", "That."])
    return [make_conversation(by=owner, title=f"{number}", turns=each) for number, each in enumerate(texts)]


@pytest.fixture
def back(owner: User) -> Back:
    return lambda rows, by=owner: upload_reviews(
        encode(rows), name="back.csv", workspace=owner.personal_workspace(), by=by
    )


def apply(file: ImportedFile, by: User) -> BackgroundJob:
    return run(start_reviews(file, by=by))


def test_the_file_has_the_turns_and_runs_no_formula(three: list[Conversation]) -> None:
    first, second, _ = take_out()
    assert (first["conversation_id"], first["version"], first["revision"]) == (
        three[0].conversation_id,
        "1",
        "0",
    )
    assert (first["turn_1"], first["turn_2"], first["turn_3"], first["decision"]) == ("Hi?", "Hello.", "", "")
    assert (second["turn_1"], second["turn_2"], second["turn_3"]) == ("'=1+1", "''=2", "\u2028 x\r\ny")


def test_the_file_as_it_went_out_changes_nothing(three: list[Conversation], back: Back) -> None:
    report = back(take_out()).report
    assert (report["read"], report["untouched"], report["problems"]) == (0, 3, [])


def test_decisions_and_edits_come_back(three: list[Conversation], back: Back, owner: User) -> None:
    rows = take_out()
    rows[0] |= {"decision": "Approved", "reviewer": "Ann Example", "note": "Fine"}
    rows[1] |= {
        "decision": "needs revision",
        "reasons": "Wrong facts; too_short",
        "edited_turn_2": "'=3\r\nx",
    }
    rows[2] |= {"edited_turn_2": "Better."}
    file = back(rows)
    assert file.report["changes"] == {"approve": 1, "needs_revision": 1, "edited": 2}
    job = apply(file, owner)
    assert (job.status, job.done) == ("completed", 3)
    assert job.result == {"approve": 1, "needs_revision": 1, "edited": 2, "conflicts": 0}
    first, second, third = Conversation.objects.filter(is_head=True).order_by("title")
    said = Decision.objects.get(conversation=first)
    assert (first.status, said.on_behalf_of, said.note, said.created_by) == (
        "approved",
        "Ann Example",
        "Fine",
        owner,
    )
    assert (second.version, second.status) == (2, "needs_revision")
    assert Decision.objects.get(conversation=second).reasons == ["inaccurate", "too_short"]
    assert second.turns.get(turn_number=2).content == "=3\nx"
    assert (third.version, third.decided_at, third.turns.get(turn_number=2).content) == (2, None, "Better.")
    assert bytes(ImportedFile.objects.get().content) == b""
    with pytest.raises(StaleState):
        start_reviews(file, by=owner)


def test_conflicts_are_shown_by_row_and_not_applied(
    three: list[Conversation], back: Back, owner: User
) -> None:
    rows = take_out()
    for row in rows:
        row["decision"] = "reject"
    three[0].approve(by=owner)
    versions.edit(three[1], {1: "New"}, by=owner)
    rows += [{**rows[2], "conversation_id": "fp_none_001"}]
    file = back(rows)
    assert file.report["changes"] == {"conflicts": 3, "reject": 1}
    told = {each["rows"]: each["message"] for each in file.report["conflicts"]}
    assert "decided about it or changed it" in told["2"]
    assert "Another version is the newest" in told["3"]
    assert "No conversation" in told["5"]
    three[2].archive(by=owner)
    job = apply(file, owner)
    assert job.result["conflicts"] == 4
    assert [each["rows"] for each in job.result["not_applied"]] == ["2", "3", "4", "5"]
    assert not Conversation.objects.filter(status=Status.REJECTED).exists()


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"decision": "maybe"}, "none of approve, reject"),
        ({"decision": "reject", "reasons": "boring"}, "“boring” is not known"),
        ({"decision": "approve", "reasons": "other"}, "for reject and needs_revision"),
        ({"decision": "approve", "version": "x"}, "must be the number"),
        ({"decision": "approve", "revision": ""}, "must be the number"),
        ({"decision": "approve", "conversation_id": ""}, "is empty"),
        ({"decision": "approve", "note": "x" * 5_001}, "5,000 characters"),
        ({"decision": "approve", "reviewer": "x" * 201}, "200 characters"),
        ({"decision": "approve", "edited_turn_3": "x"}, "It has 2 turns"),
    ],
)
def test_a_row_that_cannot_be_read(
    three: list[Conversation], back: Back, cells: dict[str, str], words: str
) -> None:
    rows = take_out()
    rows[0] |= cells
    report = back(rows).report
    (problem,) = report["problems"] or report["conflicts"]
    assert problem["rows"] == "2"
    assert words in problem["message"]


def test_a_row_twice_is_applied_once(three: list[Conversation], back: Back) -> None:
    rows = take_out()
    rows[0]["decision"] = "approve"
    report = back([*rows, rows[0]]).report
    assert (report["read"], report["refused"]) == (1, 1)


def test_an_edit_takes_an_editor(three: list[Conversation], back: Back, owner: User) -> None:
    reviewer = make_user()
    make_member(workspace=owner.personal_workspace(), user=reviewer, role=Membership.Role.REVIEWER)
    rows = take_out()
    rows[0] |= {"decision": "approve"}
    rows[1] |= {"decision": "approve", "edited_turn_1": "x"}
    file = back(rows, by=reviewer)
    assert "takes an editor" in file.report["conflicts"][0]["message"]
    assert apply(file, reviewer).result["approve"] == 1
    assert Conversation.objects.filter(version=2).count() == 0
    with pytest.raises(PermissionDenied):
        start_reviews(back(rows), by=make_user())


def test_a_note_alone_is_the_reviewers_note(three: list[Conversation], back: Back, owner: User) -> None:
    rows = take_out()
    rows[0]["note"] = "Look again"
    assert apply(back(rows), owner).result["noted"] == 1
    first = Conversation.objects.get(title="0")
    assert (first.reviewer_notes, first.decided_at) == ("Look again", None)


def test_columns_that_are_missing_are_named() -> None:
    with pytest.raises(RowsError, match="column revision is missing"):
        read_reviews(b"conversation_id,version,decision\na,1,approve\n")


def test_a_file_has_a_bound(three: list[Conversation], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exports.reviewing.writing.MOST_ROWS", 2)
    with pytest.raises(TooManyRows):
        write_sheet(Conversation.objects.all())


def test_steps_go_on_where_they_were(
    three: list[Conversation], back: Back, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "AT_ONCE", 1)
    rows: Any = take_out()
    for row in rows:
        row["decision"] = "ok"
    assert apply(back(rows), owner).result == {"approve": 3, "conflicts": 0}
