from datetime import timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from batches.models.states import ItemStatus, JobStatus
from conversations.states import Status
from lorapipe.templatetags import ui
from templates_app.states import Tier


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (Decimal("0"), "$0.00"),
        (Decimal("0.000000001"), "<$0.001"),
        (Decimal("0.041249"), "$0.041"),
        (Decimal("0.9994"), "$0.999"),
        (Decimal("1"), "$1.00"),
        (Decimal("27.695"), "$27.70"),
        (Decimal("1234567.891"), "$1,234,567.89"),
    ],
)
def test_money_in_words(amount: Decimal, words: str) -> None:
    assert ui.dollars(amount) == words


@pytest.mark.parametrize(
    ("amount", "words"),
    [("0.125", "$0.125"), ("10.000", "$10"), ("2.50", "$2.5"), ("0", "$0"), ("1E+1", "$10")],
)
def test_an_exact_amount_has_every_digit_that_says_something(amount: str, words: str) -> None:
    assert ui.exact(Decimal(amount)) == words


def test_money_keeps_the_exact_amount_in_its_title() -> None:
    assert ui.money(Decimal("0.041249000")) == '<span class="num" title="$0.041249">$0.041</span>'
    assert 'title="$100"' in ui.money(Decimal("100"))


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "—"), (0, "0:00"), (7.9, "0:07"), (761, "12:41"), (3727, "1:02:07")]
)
def test_measured_times(seconds: float | None, words: str) -> None:
    assert ui.duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "a few seconds"),
        (31, "~40 s"),
        (350, "~5 min 50 s"),
        (1080, "~18 min"),
        (4800, "~1 h 20 min"),
        (3600, "~1 h"),
    ],
)
def test_estimated_times(seconds: float, words: str) -> None:
    assert ui.about(seconds) == words


@pytest.mark.parametrize(("number", "words"), [(812, "812"), (48_200, "48.2 k"), (2_310_000, "2.31 M")])
def test_large_numbers(number: int, words: str) -> None:
    assert ui.compact(number) == words


@pytest.mark.parametrize("status", sorted({*Status.values, *JobStatus.values, *ItemStatus.values}))
def test_each_stored_status_has_a_badge_with_icon_and_word(status: str) -> None:
    assert status in ui.BADGES
    badge = ui.status_badge(status)
    assert "<svg" in badge
    assert ui.BADGES[status].word in badge


def test_each_tier_has_its_word() -> None:
    assert {tier.value: tier.label for tier in Tier} == ui.TIERS


def test_a_badge_escapes_its_words() -> None:
    assert "<b>" not in ui.status_badge("completed", "<b>")


def test_a_score_without_value_is_a_dash() -> None:
    assert "—" in ui.score(None)
    assert ">8.8<" in ui.score(Decimal("8.8"))


@pytest.mark.parametrize(
    ("age", "words"), [(5, "just now"), (180, "3 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")]
)
def test_ages(age: int, words: str) -> None:
    assert f">{words}</time>" in ui.ago(timezone.now() - timedelta(seconds=age))


def test_url_with_edits_the_query_and_goes_to_the_first_page() -> None:
    request = RequestFactory().get("/conversations/?tier=template&tier=scenario&page=3&sort=score")
    page = Template("{% load ui %}{% autoescape off %}{% url_with sort='' q='a b' %}{% endautoescape %}")
    assert page.render(Context({"request": request})) == "/conversations/?tier=template&tier=scenario&q=a+b"
