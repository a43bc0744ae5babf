from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import resolve
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


def render(source: str, **context: object) -> str:
    """A template with the tags of `ui`; white space between tags is of no matter here."""
    page = Template("{% load ui %}" + source).render(Context(context))
    return " ".join(page.split()).replace("> <", "><")


class Form(forms.Form):
    name = forms.CharField()
    budget = forms.DecimalField(required=False)


def test_a_field_of_a_form_knows_its_value_and_its_errors() -> None:
    source = "{% text_field form.name 'Name' maxlength='9' aria_describedby='more' %}{% endtext_field %}"
    shown = render(source, form=Form({"name": ""}))
    assert '<label for="id_name">Name</label>' in shown
    assert (
        'id="id_name" name="name" maxlength="9" aria-describedby="more" value="" aria-invalid="true"' in shown
    )
    assert 'value="Ann &amp; Bo"' in render(source, form=Form({"name": "Ann & Bo"}))


def test_a_hint_is_tied_to_its_field() -> None:
    shown = render(
        "{% text_field 'seed' 'Seed' 7 type='number' %}Say <b>{{ which }}</b>{% endtext_field %}", which="<1>"
    )
    assert 'type="number" id="id_seed" name="seed" value="7" aria-describedby="seed-hint"' in shown
    assert '<span class="hint" id="seed-hint">Say <b>&lt;1&gt;</b></span>' in shown


def test_an_area_keeps_its_first_line_break() -> None:
    source = "{% load ui %}{% text_field 'text' 'Text' text rows=3 %}{% endtext_field %}"
    assert ">\n\n a\n</textarea>" in Template(source).render(Context({"text": "\n a\n"}))


@pytest.mark.parametrize(("flag", "written"), [(True, True), (False, False), (None, False), ("", False)])
def test_a_flag_is_written_only_where_it_holds(flag: object, written: bool) -> None:
    shown = render("{% text_field 'a' 'A' 1 autofocus=flag %}{% endtext_field %}", flag=flag)
    assert (" autofocus " in shown) is written


def test_a_field_without_a_form_is_refused() -> None:
    with pytest.raises(ValueError, match="“Name” has no name"):
        render("{% text_field form.name 'Name' %}{% endtext_field %}")


def test_an_amount_has_its_sign_and_is_at_least_a_cent() -> None:
    source = "{% dollars_field form.budget 'Stop at cost' amount %}{% enddollars_field %}"
    shown = render(source, form=Form({"name": "x"}), amount=Decimal("0.30"))
    assert '<div class="pre"><span aria-hidden="true">$</span><input' in shown
    assert 'name="budget" min="0.01" step="any" value="0.30"' in shown


def test_an_empty_state_leads_on_only_where_there_is_a_way() -> None:
    source = "{% empty_state 'inbox' 'Nothing yet' href=href verb='Start' %} Make one. {% endempty_state %}"
    assert '<p class="muted">Make one.</p><div class="actions"><a class="btn" href="/x/">Start</a>' in render(
        source, href="/x/"
    )
    assert "btn" not in render(source)


def test_a_prompt_is_shown_to_the_letter() -> None:
    source = "{% load ui %}{% prompt_card 'asked' 'Prompt' text copy=True %}2 lines{% endprompt_card %}"
    shown = Template(source).render(Context({"text": "\n <a>\n"}))
    assert ">\n &lt;a&gt;\n</div>" in shown
    assert 'data-copy="asked"' in shown
    assert 'aria-labelledby="asked-title"' in shown


def test_a_button_posts_with_the_token_of_the_form() -> None:
    source = "{% post_button 'sign_out' variant='ghost' %}Leave{% endpost_button %}"
    shown = render(source, csrf_token="t" * 64)
    assert 'method="post" action="/sign-out/"' in shown
    assert 'name="csrfmiddlewaretoken"' in shown
    assert '<button class="btn" data-variant="ghost">Leave</button>' in shown


def test_a_heading_is_one_level_lower_in_the_dialog() -> None:
    assert render("{% heading %} A {{ b }} {% endheading %}", b="<b>") == "<h1>A &lt;b&gt;</h1>"
    assert render("{% heading %}A{% endheading %}", in_dialog=True) == "<h2>A</h2>"


def test_a_link_that_opens_in_the_dialog_works_without_a_script() -> None:
    page = uuid4()
    shown = render("<a {% opens_dialog 'batch_retry' page %}>", page=page)
    assert f'href="/batches/{page}/retry/" hx-get="/batches/{page}/retry/" hx-target="#dialog-body"' in shown


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("/", "generate_all"),
        ("/plan/1/", ""),
        ("/generate/", "generate_one"),
        ("/batches/", "batches"),
        ("/batches/estimates/", "batches"),
        ("/batches/notices/", "batches"),
        ("/conversations/", "conversations"),
        ("/templates/new/", "templates"),
        ("/edge-cases/", "scenarios"),
        ("/options/", "scenarios"),
        ("/settings/budget/", "settings"),
        ("/sign-in/", ""),
    ],
)
def test_each_page_belongs_to_an_entry_of_the_menu(path: str, entry: str) -> None:
    request = RequestFactory().get(path)
    request.resolver_match = resolve(path)
    assert render("{% section %}", request=request) == entry


@pytest.mark.parametrize(("single", "entry"), [(True, "generate_one"), (False, "batches")])
def test_an_item_belongs_to_where_it_was_started(single: bool, entry: str) -> None:
    request = RequestFactory().get(f"/items/{uuid4()}/")
    request.resolver_match = resolve(request.path)
    assert render("{% section %}", request=request, single=single) == entry


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("7.9", "$7.90"),
        ("0.28", "$0.28"),
        ("1234.5", "$1,234.50"),
        ("0.12349", "$0.1234"),
        ("3.123456789", "$3.1234"),
    ],
)
def test_a_limit_reads_as_its_field(amount: str, shown: str) -> None:
    assert ui.limit(Decimal(amount)) == shown
