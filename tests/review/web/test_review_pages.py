"""The pages of the queue without script: decide and go on, undo, edit, comment, and what comes too late."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from conversations.models import Conversation, Decision
from conversations.states import Status
from review.models import Comment, Draft, Lock
from tests.factories import make_conversation, make_user
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def two(owner: User) -> list[Conversation]:
    return [
        make_conversation(by=owner, status=Status.GENERATED, title=title, turns=["Hi?", "Hello."])
        for title in ("First of two", "Second of two")
    ]


def post(caller: Client, name: str, *args: Any, **given: Any) -> Any:
    return caller.post(reverse(name, args=args), {"query": "order_by=oldest", **given})


def decide(caller: Client, found: Conversation, action: str, **given: Any) -> Any:
    return post(caller, "review_decide", found.pk, action=action, revision=found.revision, **given)


def item(found: Conversation) -> str:
    return f"{reverse('review_item', args=[found.pk])}?order_by=oldest"


def test_the_queue_begins_with_its_first_and_ends_caught_up(caller: Client, two: list[Conversation]) -> None:
    start = caller.get(reverse("review"), {"order_by": "oldest"})
    assert start["Location"] == item(two[0])
    page = caller.get(start["Location"]).content.decode()
    assert "First of two" in page
    assert "2</strong> waiting" in page
    assert decide(caller, two[0], "approve")["Location"] == item(two[1])
    assert decide(caller, two[1], "approve")["Location"] == "/review/?order_by=oldest"
    end = caller.get("/review/").content.decode()
    assert "All caught up" in end
    assert "2 decided today, 2 approved" in end


def test_a_long_filter_of_the_queue_is_kept_and_never_cut(caller: Client, two: list[Conversation]) -> None:
    wide = "q=" + "%F0%9F%98%80" * 200
    skipped = caller.post(reverse("review_skip", args=[two[0].pk]), {"query": wide})
    assert skipped["Location"] == f"{reverse('review_item', args=[two[0].pk])}?{wide}", "it is the only one"
    decided = caller.post(
        reverse("review_decide", args=[two[0].pk]),
        {"query": wide, "action": "approve", "revision": two[0].revision},
    )
    assert decided["Location"] == f"/review/?{wide}", "nothing else matches it"
    longer = {"query": "q=" + "x" * 4000, "action": "approve", "revision": two[1].revision}
    assert caller.post(reverse("review_decide", args=[two[1].pk]), longer).status_code == 400
    assert Decision.objects.get().conversation == two[0]


def test_a_page_that_has_the_next_one_gets_the_new_numbers(caller: Client, two: list[Conversation]) -> None:
    given = {"action": "approve", "revision": two[0].revision, "query": "order_by=oldest"}
    address = reverse("review_decide", args=[two[0].pk])
    answer = caller.post(address, {**given, "ahead": item(two[1])}, headers={"HX-Request": "true"})
    assert "HX-Push-Url" not in answer
    assert "<h1" not in answer.content.decode()
    assert "1</strong> waiting" in answer.content.decode()


def test_a_page_that_has_another_one_gets_the_next(caller: Client, two: list[Conversation]) -> None:
    given = {
        "action": "approve",
        "revision": two[0].revision,
        "query": "order_by=oldest",
        "ahead": "/review/",
    }
    address = reverse("review_decide", args=[two[0].pk])
    answer = caller.post(address, given, headers={"HX-Request": "true"})
    assert answer["HX-Push-Url"] == item(two[1])
    assert "Second of two" in answer.content.decode()


def test_what_is_sent_back_does_not_come_again(caller: Client, two: list[Conversation]) -> None:
    answer = decide(caller, two[0], "needs_revision", note="Shorter")
    assert answer["Location"] == item(two[1])
    two[0].refresh_from_db()
    assert (two[0].status, two[0].reviewer_notes) == ("needs_revision", "Shorter")
    assert caller.get(reverse("review"), {"order_by": "oldest"})["Location"] == item(two[1])


@pytest.mark.parametrize("action", ["reject", "needs_revision"])
def test_without_a_reason_it_asks_for_one(caller: Client, two: list[Conversation], action: str) -> None:
    answer = decide(caller, two[0], action)
    assert answer.status_code == 200
    assert "say why" in answer.content.decode()
    assert not Decision.objects.exists()
    assert decide(caller, two[0], action, reasons=["off_topic"]).status_code == 302
    assert Decision.objects.get().reasons == ["off_topic"]


def test_two_reviewers_do_not_overwrite_each_other(
    caller: Client, owner: User, two: list[Conversation]
) -> None:
    seen = Conversation.objects.get(pk=two[0].pk)
    two[0].approve(by=make_user())
    answer = decide(caller, seen, "reject", note="My reason")
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Somebody has changed this conversation" in page
    assert "My reason" in page, "what was written is kept"
    two[0].refresh_from_db()
    assert two[0].status == "approved"


def test_undo_leads_back(caller: Client, two: list[Conversation]) -> None:
    decide(caller, two[0], "approve")
    assert post(caller, "review_undo")["Location"] == item(two[0])
    two[0].refresh_from_db()
    assert (two[0].status, two[0].decided_at) == ("generated", None)
    assert post(caller, "review_undo").status_code == 302


def test_skip_goes_on(caller: Client, two: list[Conversation]) -> None:
    assert post(caller, "review_skip", two[0].pk)["Location"] == item(two[1])
    assert caller.get(reverse("review"), {"order_by": "oldest"})["Location"] == item(two[1])


def test_a_filter_without_a_hit_says_so(caller: Client, two: list[Conversation]) -> None:
    page = caller.get(reverse("review"), {"q": "nothing like it"}).content.decode()
    assert "Nothing waits with these filters" in page


def test_blind_review_hides_score_and_flags(caller: Client, two: list[Conversation]) -> None:
    address = reverse("review_item", args=[two[0].pk])
    Conversation.objects.filter(pk=two[0].pk).update(flags=["turn_range"], flag_count=1)
    assert "Structure score" in caller.get(address).content.decode()
    page = caller.get(address, {"blind": "1"}).content.decode()
    assert "Structure score" not in page
    assert "To check" not in page
    decide(caller, two[0], "approve")
    assert "Structure score" in caller.get(address, {"blind": "1"}).content.decode()


def test_opening_a_page_writes_nothing_and_the_page_takes_the_lock(
    caller: Client, owner: User, two: list[Conversation]
) -> None:
    caller.get(item(two[0]))
    assert not Lock.objects.exists()
    assert post(caller, "review_lock", two[0].pk).status_code == 204
    assert Lock.objects.get().user == owner


# --- edits and comments ----------------------------------------------------------------------------------


def test_an_edit_becomes_a_version_and_its_draft_goes(
    caller: Client, owner: User, two: list[Conversation]
) -> None:
    editing = caller.get(item(two[0]), {"edit": "2"}).content.decode()
    assert 'id="edited"' in editing
    assert "Draft saved" in post(caller, "review_draft", two[0].pk, turn=2, text="Good").content.decode()
    assert Draft.objects.get().text == "Good"
    answer = post(caller, "review_edit", two[0].pk, turn=2, text="Good day.", revision=0, action="save")
    made = Conversation.objects.get(version=2)
    assert answer["Location"] == item(made)
    assert [turn.content for turn in made.turns.all()] == ["Hi?", "Good day."]
    assert not Draft.objects.exists()
    assert "Good day." in caller.get(answer["Location"]).content.decode()


def test_save_and_approve_goes_on(caller: Client, two: list[Conversation]) -> None:
    answer = post(caller, "review_edit", two[0].pk, turn=1, text="Hey?", revision=0, action="approve")
    assert answer["Location"] == item(two[1])
    assert Conversation.objects.get(version=2).status == "approved"


def test_a_stale_edit_shows_both_texts(caller: Client, two: list[Conversation]) -> None:
    post(caller, "review_edit", two[0].pk, turn=2, text="By the first.", revision=0, action="save")
    answer = post(caller, "review_edit", two[0].pk, turn=2, text="By the second.", revision=0, action="save")
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "By the first." in page
    assert "By the second." in page
    assert Conversation.objects.filter(root=two[0].pk).count() == 2


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"turn": "9", "text": "x", "revision": "0"}, "Turn 9 does not exist"),
        ({"turn": "2", "text": " ", "revision": "0"}, "Turn 2 is empty"),
        ({"turn": "2", "text": "x", "revision": "x"}, "The page is old"),
    ],
)
def test_an_edit_that_cannot_be(
    caller: Client, two: list[Conversation], given: dict[str, str], problem: str
) -> None:
    answer = post(caller, "review_edit", two[0].pk, action="save", **given)
    assert answer.status_code == 422
    assert problem in answer.content.decode()


def test_a_comment_shows_while_its_text_stands(caller: Client, two: list[Conversation]) -> None:
    assert post(caller, "review_comment", two[0].pk, turn=2, text="Is it?").status_code == 302
    assert "Is it?" in caller.get(item(two[0])).content.decode()
    post(caller, "review_edit", two[0].pk, turn=1, text="Hey?", revision=0, action="save")
    newest = Conversation.objects.get(version=2)
    assert "Is it?" in caller.get(item(newest)).content.decode()
    post(caller, "review_edit", newest.pk, turn=2, text="Other.", revision=newest.revision, action="save")
    assert "Is it?" not in caller.get(item(Conversation.objects.get(version=3))).content.decode()


def test_a_comment_can_be_resolved(caller: Client, two: list[Conversation]) -> None:
    post(caller, "review_comment", two[0].pk, turn=2, text="Is it?")
    post(caller, "review_resolve", Comment.objects.get().pk)
    assert "Is it?" not in caller.get(item(two[0])).content.decode()


# --- rights ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "sees", "decides", "edits"),
    [("viewer", 403, 403, 403), ("reviewer", 200, 302, 403), ("editor", 200, 302, 302)],
)
def test_rights(owner: User, two: list[Conversation], role: str, sees: int, decides: int, edits: int) -> None:
    other, client = make_user(), Client()
    Membership.objects.create(workspace=owner.personal_workspace(), user=other, role=role)
    client.force_login(other)
    assert client.get(item(two[0])).status_code == sees
    given = {"turn": 2, "text": "Other.", "revision": 0, "action": "save"}
    assert post(client, "review_edit", two[1].pk, **given).status_code == edits
    assert decide(client, two[0], "approve").status_code == decides


def test_the_queries_of_a_page_do_not_grow_with_the_queue(
    caller: Client, owner: User, django_assert_max_num_queries: Any
) -> None:
    rows = [make_conversation(by=owner, status=Status.GENERATED, turns=["Hi?", "Hello."]) for _ in range(12)]
    with django_assert_max_num_queries(36):  # ten of them are the session, the person, and the shell
        assert caller.get(item(rows[5])).status_code == 200
