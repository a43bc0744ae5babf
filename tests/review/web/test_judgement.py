"""The judge on the review page: each dimension with its quote, one key agrees, and without a judgement no number."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from conversations.models import Conversation, Judgement
from review.models import Answer
from tests.factories import make_conversation, make_judgement, make_user
from workspaces.models import User

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def caller(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def talk(owner: User) -> Conversation:
    return make_conversation(by=owner, turns=["Where do I begin?", "With a list."])


@pytest.fixture
def judgement(talk: Conversation) -> Judgement:
    return make_judgement(conversation=talk, scores={"accuracy": 3})


def show(caller: Client, talk: Conversation, query: str = "") -> str:
    return caller.get(reverse("review_item", args=[talk.pk]) + query).text


def answer(caller: Client, judgement: Judgement, dimension: str, **given: Any) -> Any:
    score = judgement.scores.get(dimension=dimension)
    address = reverse("review_answer", args=[judgement.conversation_id, score.pk])
    return caller.post(address, {"query": "", **given}, headers=HTMX)


def test_without_a_judgement_no_number_is_shown(caller: Client, talk: Conversation) -> None:
    page = show(caller, talk)
    assert "This version has not been judged." in page
    assert "of 10" not in page
    assert "of 30" not in page
    assert 'id="judgement"' not in caller.get(reverse("conversation", args=[talk.pk])).text


def test_each_dimension_has_its_score_its_quote_and_its_agreement(
    caller: Client, talk: Conversation, judgement: Judgement
) -> None:
    page = show(caller, talk)
    assert page.count("Where do I begin?</q>") == 6
    assert re.search(r"Accuracy</strong>\s*<span><strong class=\"num\">3</strong> of 10", page)
    assert page.count("0 of 30") == 6
    assert "Cohen" in page
    other = caller.get(reverse("conversation", args=[talk.pk])).text
    assert other.count("Where do I begin?</q>") == 6


def test_one_key_agrees_and_goes_on(caller: Client, judgement: Judgement, owner: User) -> None:
    found = answer(caller, judgement, "relevance", agree="1")
    assert found.status_code == 200
    made = Answer.objects.get()
    assert (made.value, made.user, made.score.dimension) == (7, owner, "relevance")
    assert "You agree" in found.text
    assert "1 of 30" in found.text
    assert found.text.count('data-key="y"') == 1
    keyed = found.text[: found.text.index('data-key="y"')]
    assert keyed.rindex("Accuracy") > keyed.rindex("Relevance"), "the key is for the next dimension now"


def test_another_score_is_kept_and_can_be_changed(caller: Client, judgement: Judgement) -> None:
    assert 'value="9"' in answer(caller, judgement, "accuracy", value="9").text
    assert 'value="0"' in answer(caller, judgement, "accuracy", value=" 0 ").text
    assert list(Answer.objects.order_by("created_at").values_list("value", flat=True)) == [9, 0]


def test_the_enter_key_saves_the_number_and_never_agrees(
    caller: Client, talk: Conversation, judgement: Judgement
) -> None:
    """A browser then presses the first submit button of the form."""
    form = show(caller, talk).split('class="answer"')[1].split("</form>")[0]
    assert 'name="agree"' not in re.findall(r"<button[^>]*>", form)[0]


@pytest.mark.parametrize("value", ["", "11", "-1", "7.5", "seven", "٣"])
def test_what_is_no_score_is_said(caller: Client, judgement: Judgement, value: str) -> None:
    found = answer(caller, judgement, "accuracy", value=value)
    assert found.status_code == 422
    assert "whole number from 0 to 10" in found.text
    assert not Answer.objects.exists()


def test_without_script_it_leads_back(caller: Client, judgement: Judgement) -> None:
    score = judgement.scores.get(dimension="accuracy")
    address = reverse("review_answer", args=[judgement.conversation_id, score.pk])
    found = caller.post(address, {"query": "order_by=oldest", "agree": "1"})
    assert found["Location"].endswith("?order_by=oldest#judgement")


def test_an_answer_moves_nothing(caller: Client, talk: Conversation, judgement: Judgement) -> None:
    before = Conversation.objects.values().get()
    answer(caller, judgement, "accuracy", value="0")
    assert Conversation.objects.values().get() == before
    assert not talk.decisions.exists()


def test_blind_review_hides_the_judge_until_the_decision(
    caller: Client, talk: Conversation, judgement: Judgement, owner: User
) -> None:
    assert 'id="judgement"' not in show(caller, talk, "?blind=1")
    talk.approve(by=owner)
    assert 'id="judgement"' in show(caller, talk, "?blind=1")


def test_a_score_of_another_conversation_is_not_there(
    caller: Client, judgement: Judgement, owner: User
) -> None:
    other = make_judgement(conversation=make_conversation(by=owner)).scores.all()[0]
    address = reverse("review_answer", args=[judgement.conversation_id, other.pk])
    assert caller.post(address, {"agree": "1"}).status_code == 404
    stranger = Client()
    stranger.force_login(make_user())
    score = judgement.scores.all()[0]
    address = reverse("review_answer", args=[judgement.conversation_id, score.pk])
    assert stranger.post(address, {"agree": "1"}).status_code == 404
