"""Every admin page opens, for every table, with a bounded number of queries."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.sites import all_sites
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from provider.models import ProviderKey
from templates_app.models import EdgeCase, Option, PromptTemplate, Scenario, TemplateVersion
from tests import factories
from tests.workspaces.admin_urls import page
from tests.workspaces.many_rows import MAKERS, READ_ONLY
from workspaces import admin_base
from workspaces.models import Membership, User, Workspace

ROWS = 60
# A page of fifty rows needs no more than an empty one: session, user, permissions, counts, the rows and what they name;
# and the entry of a superuser who reads rows of others: who was told of it already, and one statement in a savepoint.
MOST_QUERIES = 14
OURS = (
    "lorapipe",
    "operation",
    "workspaces",
    "templates_app",
    "conversations",
    "background",
    "batches",
    "review",
    "exports",
    "analytics",
)

pytestmark = pytest.mark.django_db
each_table = pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)


def test_every_table_has_a_page() -> None:
    ours = {model for app in OURS for model in apps.get_app_config(app).get_models()}
    assert ours | {Group, ProviderKey} == MAKERS.keys()
    admin.autodiscover()
    for model in MAKERS:
        assert isinstance(admin.site._registry[model], admin_base.LoraModelAdmin)


def test_django_finds_nothing_wrong_with_the_pages() -> None:
    """`./run manage check` may look before the URLs, with which the pages are loaded."""
    admin.autodiscover()
    assert [found for site in all_sites for found in site.check(None)] == []


@each_table
def test_lists_and_changes_take_few_queries(
    boss: Client, model: type[Model], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    MAKERS[model](ROWS)
    with django_assert_max_num_queries(MOST_QUERIES):
        response = boss.get(page(model, "changelist"))
    assert response.status_code == 200
    shown = response.context["cl"].result_list
    assert len(shown) == 50
    with django_assert_max_num_queries(MOST_QUERIES):
        response = boss.get(page(model, "change", shown[0].pk))
    assert response.status_code == 200


@each_table
def test_search_filters_order_and_pages(boss: Client, model: type[Model]) -> None:
    MAKERS[model](3)
    settings_of_page = admin.site._registry[model]
    path = page(model, "changelist")
    queries = ["?q=1", "?q=%00", "?p=2", "?all=", "?o=-1", "?q=%F0%9F%98%80%27%22"]
    request = boss.get(path).wsgi_request
    for chosen in settings_of_page.get_list_filter(request):
        queries += [f"?{filter_query(model, chosen)}"]
    for query in queries:
        response = boss.get(path + query, follow=True)
        assert response.status_code == 200, query
        assert "e=1" not in response.request["QUERY_STRING"], query


def filter_query(model: type[Model], chosen: Any) -> str:
    """The query string of one choice of a filter."""
    if isinstance(chosen, tuple):
        return f"{chosen[0]}__isempty=1"
    field: Any = model._meta.get_field(chosen)
    if field.choices:
        return f"{chosen}__exact={field.choices[0][0]}"
    return f"{chosen}__exact=1"


@each_table
def test_a_nul_in_a_filter_is_told(boss: Client, model: type[Model]) -> None:
    response = boss.get(page(model, "changelist") + "?status__exact=%00", follow=True)
    assert response.status_code == 200
    assert "cannot be searched" in response.content.decode()


@each_table
def test_a_missing_row_is_told(boss: Client, model: type[Model]) -> None:
    for key in ("7f0e5e0e-0000-4000-8000-000000000000", "nonsense", "%00"):
        response = boss.get(page(model, "change", "x").replace("/x/", f"/{key}/"), follow=True)
        assert response.status_code == 200


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model.__name__)
def test_rows_that_only_verbs_move_are_read_only(boss: Client, model: type[Model]) -> None:
    MAKERS[model](3)
    row = model._default_manager.all()[0]
    before = model._default_manager.filter(pk=row.pk).values().get()
    assert boss.get(page(model, "add")).status_code == 403
    assert boss.get(page(model, "delete", row.pk)).status_code == 403
    assert boss.post(page(model, "change", row.pk), {"status": "completed"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize(
    "model", [User, Group, Workspace, Membership, PromptTemplate, TemplateVersion, Scenario, EdgeCase, Option]
)
def test_add_pages_open(boss: Client, model: type[Model]) -> None:
    assert boss.get(page(model, "add")).status_code == 200


def test_no_name_has_a_plural_that_nobody_writes() -> None:
    names = {str(model._meta.verbose_name_plural) for model in admin.site._registry}
    assert not {name for name in names if name.endswith(("ss", "xs", "chs"))}


def test_demo_mode_is_said_on_every_page(boss: Client, settings: Any) -> None:
    settings.DEMO = True
    assert "Simulated: a stand-in for Claude replies" in boss.get("/admin/").text
    settings.DEMO = False
    assert "Simulated: a stand-in" not in boss.get("/admin/").text


def test_the_index_and_the_history_open(boss: Client) -> None:
    assert boss.get(reverse("admin:index")).status_code == 200
    user = factories.make_user()
    assert boss.get(page(User, "history", user.pk)).status_code == 200
    assert boss.get(reverse("admin:auth_user_password_change", args=[user.pk])).status_code == 200


def test_autocomplete_finds_rows(boss: Client) -> None:
    factories.make_workspace(name="Findable")
    query = {
        "app_label": "workspaces",
        "model_name": "membership",
        "field_name": "workspace",
        "term": "Findab",
    }
    found = boss.get(reverse("admin:autocomplete"), query).json()["results"]
    assert [each["text"] for each in found] == ["Findable"]
