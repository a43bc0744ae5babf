"""The admin pages of the model table: clear refusals, and a version of the table for each change."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from batches.models import BatchJob, Worker
from claude.shipped import SHIPPED
from lib import clock
from provider.models import Finding, LanguageModel, ModelPrice, ModelTableVersion
from provider.shipping import ship
from tests.factories import MODEL, make_model, make_price, make_user
from tests.support.steps import claim_item

pytestmark = pytest.mark.django_db
LOCAL = {
    "name": "qwen-3",
    "aliases": "qwen, qwen-latest",
    "pool": "",
    "position": "1000",
    "lifecycle": "active",
    "retires": "",
    "successor": "",
    "context": "32000",
    "max_output": "16000",
    "min_cache_tokens": "1024",
    "thinking": "",
    "effort": "",
    "accepts_forced_tool": "on",
    "prices-TOTAL_FORMS": "0",
    "prices-INITIAL_FORMS": "0",
}
PRICE = {
    "valid_from": "2027-01-01",
    "above_prompt_tokens": "0",
    **dict.fromkeys(("input", "output", "cache_write_5m", "cache_write_1h", "cache_read"), "0"),
    "batch_input": "",
    "batch_output": "",
}


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(make_user(superuser=True))
    return client


def page(model: Any, name: str, *args: Any) -> str:
    return reverse(f"admin:provider_{model._meta.model_name}_{name}", args=args)


def save(client: Client, path: str, fields: dict[str, Any]) -> str:
    """The page after it, whatever it says."""
    return client.post(path, fields, follow=True).content.decode()


def change(client: Client, row: LanguageModel, **changes: Any) -> str:
    """The row as its page shows it, with some fields changed."""
    path = page(LanguageModel, "change", row.pk)
    form = client.get(path).context["adminform"].form
    fields = {name: form.initial.get(name) for name in form.fields}
    fields["aliases"] = ",".join(row.aliases)
    kept = {name: value for name, value in (fields | changes).items() if value not in (None, False)}
    return save(client, path, kept | {"prices-TOTAL_FORMS": "0", "prices-INITIAL_FORMS": "0"})


def test_a_model_is_added_and_published(boss: Client) -> None:
    ship()
    shown = save(boss, page(LanguageModel, "add"), LOCAL)
    row = LanguageModel.objects.get(name="qwen-3")
    assert (row.pool, row.aliases, row.shipped) == ("qwen-3", ["qwen", "qwen-latest"], None)
    version = ModelTableVersion.objects.first()
    assert version
    assert f"version {version.name}" in shown
    assert version.content["models"][-1]["id"] == "qwen-3"
    assert "added here" in boss.get(page(LanguageModel, "changelist") + "?q=qwen").content.decode()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": MODEL}, f"already a name of {MODEL}"),
        ({"aliases": MODEL}, f"already a name of {MODEL}"),
        ({"name": "two words"}, "without spaces"),
        ({"max_output": "64000"}, "cannot be longer than the context"),
        ({"lifecycle": "retired"}, "Name the model to use instead"),
        ({"retires": "2027-01-01"}, "Name the model to use instead"),
        ({"retires": "2027-01-01", "successor": "gpt-9"}, "gpt-9 is not in this table"),
        ({"retires": "2027-01-01", "successor": "claude-opus-4-0"}, "is retired itself"),
        ({"retires": "2027-01-01", "successor": "qwen"}, "cannot succeed itself"),
        ({"successor": MODEL, "no_successor": "on"}, "Either name a successor"),
        ({"thinking": "disabled"}, "does not take disabled"),
        ({"effort": "low"}, "does not take low"),
        (
            {
                "thinking": "disabled",
                "thinking_modes": ["disabled"],
                "effort": "max",
                "effort_levels": ["low", "max"],
            },
            "max needs thinking",
        ),
        ({"context": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_wrong_model_is_told_at_its_field(boss: Client, changes: dict[str, Any], told: str) -> None:
    ship()
    assert told in save(boss, page(LanguageModel, "add"), LOCAL | changes)
    assert not LanguageModel.objects.filter(shipped=None).exists()
    assert ModelTableVersion.objects.count() == 1


def test_a_model_without_successor_may_say_so(boss: Client) -> None:
    save(boss, page(LanguageModel, "add"), LOCAL | {"lifecycle": "retired", "no_successor": "on"})
    assert LanguageModel.objects.get().no_successor


def test_a_shipped_model_is_changed_and_shows_it(boss: Client) -> None:
    ship()
    row = LanguageModel.objects.get(name=MODEL)
    shown = change(boss, row, pool="mine", thinking_modes=["adaptive", "between_tools"])
    assert "Saved as version" in shown
    row.refresh_from_db()
    assert (row.pool, row.thinking_modes) == ("mine", ["adaptive", "between_tools"])
    assert "pool" in boss.get(page(LanguageModel, "change", row.pk)).content.decode()
    assert boss.get(page(LanguageModel, "delete", row.pk)).status_code == 403


def test_saving_without_a_change_makes_no_version(boss: Client) -> None:
    ship()
    change(boss, LanguageModel.objects.get(name="claude-sonnet-4-5-20250929"))
    assert ModelTableVersion.objects.get().name == SHIPPED.version


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "Zero alone is no price"),
        ({"free": "on", "input": "1"}, "Zero alone is no price"),
        ({"input": "-1", "output": "1"}, "greater than or equal to 0"),
        ({"input": "0.0001", "output": "1"}, "no more than 3 decimal places"),
        ({"input": "1", "output": "1", "above_prompt_tokens": "1000"}, "for every prompt (0) first"),
        (
            {"input": "1", "output": "1", "valid_from": "2026-01-01"},
            "has a price from that day and prompt size",
        ),
    ],
)
def test_a_wrong_price_is_told(boss: Client, changes: dict[str, Any], told: str) -> None:
    row = make_model()
    make_price(model=row)
    assert told in save(boss, page(ModelPrice, "add"), PRICE | {"model": str(row.pk)} | changes)
    assert ModelPrice.objects.count() == 1


def test_a_free_price_and_a_step_are_added(boss: Client) -> None:
    row = make_model()
    save(boss, page(ModelPrice, "add"), PRICE | {"model": str(row.pk), "free": "on"})
    step = {"model": str(row.pk), "above_prompt_tokens": "500", "input": "1", "output": "2"}
    save(boss, page(ModelPrice, "add"), PRICE | step)
    assert ModelPrice.objects.filter(model=row).count() == 2
    base = ModelPrice.objects.get(free=True)
    assert boss.get(page(ModelPrice, "delete", base.pk)).status_code == 403  # its step rests on it
    assert ModelTableVersion.objects.count() == 2


def test_a_price_that_calls_were_billed_by_stays(boss: Client, job: BatchJob, worker: Worker) -> None:
    next_year = f"{clock.today().year + 1}-06-01"
    ship()
    billed = ModelPrice.objects.filter(model__name=MODEL).latest("valid_from")
    path, fields = page(ModelPrice, "change", billed.pk), PRICE | {"model": str(billed.model_id)}
    fields |= {"input": "3", "output": "10", "valid_from": billed.valid_from.isoformat()}
    save(boss, path, fields)
    billed.refresh_from_db()
    assert billed.input == 3  # nothing was billed by it yet
    claim_item(job, worker)
    assert boss.post(path, fields | {"input": "4"}).status_code == 403
    assert boss.get(page(ModelPrice, "delete", billed.pk)).status_code == 403
    billed.refresh_from_db()
    assert billed.input == 3
    save(boss, page(ModelPrice, "add"), fields | {"input": "4", "valid_from": next_year})
    assert ModelPrice.objects.filter(model__name=MODEL, input=Decimal(4)).exists()
    later = ModelPrice.objects.get(model__name=MODEL, input=Decimal(4))
    save(boss, page(ModelPrice, "change", later.pk), fields | {"input": "5", "valid_from": next_year})
    later.refresh_from_db()
    assert later.input == 5  # of the future: nobody can have been billed by it


def test_a_model_that_was_added_by_mistake_goes_with_its_price(boss: Client) -> None:
    row = make_model()
    make_price(model=row, valid_from=date(2020, 1, 1))
    save(boss, page(LanguageModel, "delete", row.pk), {"post": "yes"})
    assert not LanguageModel.objects.exists()


def test_lists_take_few_queries(boss: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    ship()
    for number in range(60):
        make_price(model=make_model(name=f"m{number}"))
        Finding.objects.create(fingerprint="f", model=f"m{number}", works=True, report={"a": 1})
    for model in (LanguageModel, ModelPrice, ModelTableVersion, Finding):
        with django_assert_max_num_queries(10):
            shown = boss.get(page(model, "changelist") + "?q=m1").context["cl"].result_list
        for row in shown[:1]:
            with django_assert_max_num_queries(12):
                assert boss.get(page(model, "change", row.pk)).status_code == 200
        for query in ("?q=%00", "?p=2", "?o=-1", "?e=1"):
            assert boss.get(page(model, "changelist") + query, follow=True).status_code == 200


def test_versions_and_checks_are_read_only(boss: Client) -> None:
    ship()
    for model in (ModelTableVersion, Finding):
        assert boss.get(page(model, "add")).status_code == 403
    version = ModelTableVersion.objects.get()
    assert MODEL in boss.get(page(ModelTableVersion, "change", version.pk)).content.decode()
    assert boss.post(page(ModelTableVersion, "change", version.pk), {"name": "x"}).status_code == 403


def test_who_may_not_edit_models_cannot(client: Client) -> None:
    client.force_login(make_user(staff=True))
    assert client.get(page(LanguageModel, "changelist")).status_code == 403
    assert client.post(page(LanguageModel, "add"), LOCAL).status_code == 403


def test_a_price_of_tomorrow_is_not_yet_in_force(boss: Client) -> None:
    row = make_model()
    tomorrow = timezone.now().date() + timedelta(days=1)
    assert not make_price(model=row, valid_from=tomorrow).is_billed
