"""Every admin page opens, for every table, with a bounded number of queries and with odd contents."""

import importlib.util
import sys
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from batches.models import (
    BatchItem,
    BatchJob,
    GenerationLog,
    Notice,
    PaidRequest,
    PromptSize,
    ProviderPool,
    RateLimit,
    Repair,
    SpendingMonth,
    WarmPrefix,
    Webhook,
    Worker,
)
from batches.models.states import Dimension, ItemStatus, LogState
from conversations.models import Conversation, IdCounter, Turn
from templates_app.models import (
    EdgeCase,
    ImportFile,
    Option,
    PromptTemplate,
    Scenario,
    TemplateVersion,
)
from tests import factories
from workspaces import admin_base
from workspaces.actions import create_sign_in_link
from workspaces.models import ApiToken, AuditEntry, Membership, SignInLink, User, UseStatement, Workspace
from workspaces.states import Action, Authorisation, TargetKind

ROWS = 200
MOST_QUERIES = 10
OURS = ("workspaces", "templates_app", "conversations", "batches", "exports")

pytestmark = pytest.mark.django_db


def many_users(rows: int) -> None:
    User.objects.bulk_create(User(username=f"many{number}") for number in range(rows))


def many_workspaces(rows: int) -> None:
    Workspace.objects.bulk_create(Workspace(name=f"w {number}") for number in range(rows))


def many_members(rows: int) -> None:
    many_users(rows)
    workspace = factories.make_workspace()
    Membership.objects.bulk_create(
        Membership(workspace=workspace, user=user)
        for user in User.objects.filter(username__startswith="many")
    )


def many_tokens(rows: int) -> None:
    user = factories.make_user()
    for _ in range(rows):
        factories.make_token(user=user)


def many_links(rows: int) -> None:
    user = factories.make_user()
    for _ in range(rows):
        create_sign_in_link(user)


def many_templates(rows: int) -> None:
    workspace = factories.make_workspace()
    for _ in range(rows):
        factories.make_template(workspace=workspace)


def many_versions(rows: int) -> None:
    template = factories.make_template()
    for _ in range(rows):
        factories.make_version(template=template)


def many_conversations(rows: int) -> None:
    job = factories.make_job(items=rows)
    for item in job.items.select_related("workspace", "template_version"):
        factories.make_conversation(item=item, turns=1)


def many_jobs(rows: int) -> None:
    workspace = factories.make_workspace()
    for _ in range(rows):
        factories.make_job(workspace=workspace)


def many_items(rows: int) -> None:
    job = factories.make_job(items=rows - 1)
    factories.make_item(job=job, status=ItemStatus.PROCESSING)


def many_logs(rows: int) -> None:
    for item in factories.make_job(items=rows).items.all():
        factories.make_log(item=item, state=LogState.SUCCEEDED)


def many_workers(rows: int) -> None:
    for _ in range(rows):
        factories.make_worker()


def many_limits(rows: int) -> None:
    for number in range(rows):
        factories.make_rate_limit(pool=f"pool {number}")


def many_pools(rows: int) -> None:
    ProviderPool.objects.bulk_create(ProviderPool(pool=f"pool {number}") for number in range(rows))


def many_notices(rows: int) -> None:
    job = factories.make_job()
    Notice.objects.bulk_create(
        Notice(workspace=job.workspace, job=job, status="completed") for _ in range(rows)
    )


def many_webhooks(rows: int) -> None:
    for number in range(rows):
        Webhook.objects.create(workspace=factories.make_workspace(), url=f"https://example.com/{number}")


def many_paid_requests(rows: int) -> None:
    job = factories.make_job()
    PaidRequest.objects.bulk_create(
        PaidRequest(workspace=job.workspace, job=job, created_by=job.created_by, key=f"k {number}")
        for number in range(rows)
    )


def many_sizes(rows: int) -> None:
    for _ in range(rows):
        factories.make_prompt_size(samples=[{"values": {"topic": "<b>x</b>" * 500}, "details": {}}])


def many_repairs(rows: int) -> None:
    job = factories.make_job()
    Repair.objects.bulk_create(
        Repair(workspace=job.workspace, job=job, rule="I3", subject=f"row {number}", before="1", after="0")
        for number in range(rows)
    )


def many_months(rows: int) -> None:
    SpendingMonth.objects.bulk_create(
        SpendingMonth(workspace=factories.make_workspace(), month=date(2026, 11, 1), demo=True)
        for _ in range(rows)
    )


def many_prefixes(rows: int) -> None:
    version = factories.make_template().versions.get()
    WarmPrefix.objects.bulk_create(
        WarmPrefix(job=factories.make_job(), template_version=version) for _ in range(rows)
    )


def many_statements(rows: int) -> None:
    workspace = factories.make_workspace()
    UseStatement.objects.bulk_create(
        UseStatement(workspace=workspace, purpose=f"use {number}", authorisation=Authorisation.NARROW)
        for number in range(rows)
    )


def many_entries(rows: int) -> None:
    user, workspace = factories.make_user(), factories.make_workspace()
    AuditEntry.objects.bulk_create(
        AuditEntry(
            workspace=workspace,
            who=user,
            who_name=user.username,
            action=Action.PAUSE,
            target_kind=TargetKind.BATCH,
            target_name=f"batch {number}",
        )
        for number in range(rows)
    )


def many_counters(rows: int) -> None:
    workspace = factories.make_workspace()
    IdCounter.objects.bulk_create(IdCounter(workspace=workspace, slug=f"s{number}") for number in range(rows))


def many_groups(rows: int) -> None:
    Group.objects.bulk_create(Group(name=f"g {number}") for number in range(rows))


def many_situations(model: Any) -> Callable[[int], None]:
    def make(rows: int) -> None:
        workspace, template = factories.make_workspace(), factories.make_template()
        model.objects.bulk_create(
            model(workspace=workspace, template=template, name=f"s {number}", topic="t", tags=["a"])
            for number in range(rows)
        )

    return make


def many_options(rows: int) -> None:
    workspace = factories.make_workspace()
    Option.objects.bulk_create(
        Option(workspace=workspace, kind="tone", name=f"o {number}") for number in range(rows)
    )


def many_files(rows: int) -> None:
    for _ in range(rows):
        factories.make_import_file()


MAKERS: dict[type[Model], Callable[[int], None]] = {
    User: many_users,
    Group: many_groups,
    Workspace: many_workspaces,
    Membership: many_members,
    ApiToken: many_tokens,
    SignInLink: many_links,
    PromptTemplate: many_templates,
    TemplateVersion: many_versions,
    Scenario: many_situations(Scenario),
    EdgeCase: many_situations(EdgeCase),
    Option: many_options,
    ImportFile: many_files,
    Conversation: many_conversations,
    Turn: many_conversations,
    IdCounter: many_counters,
    BatchJob: many_jobs,
    BatchItem: many_items,
    GenerationLog: many_logs,
    RateLimit: many_limits,
    ProviderPool: many_pools,
    Notice: many_notices,
    Webhook: many_webhooks,
    PaidRequest: many_paid_requests,
    PromptSize: many_sizes,
    Repair: many_repairs,
    SpendingMonth: many_months,
    WarmPrefix: many_prefixes,
    UseStatement: many_statements,
    AuditEntry: many_entries,
    Worker: many_workers,
}
READ_ONLY = (
    *(ApiToken, AuditEntry, SignInLink, Turn, IdCounter, ImportFile),
    *(
        BatchJob,
        BatchItem,
        GenerationLog,
        Notice,
        PromptSize,
        ProviderPool,
        RateLimit,
        SpendingMonth,
        UseStatement,
        WarmPrefix,
        Webhook,
        Worker,
    ),
)
each_table = pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(factories.make_user(superuser=True))
    return client


def page(model: type[Model], name: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def test_every_table_has_a_page() -> None:
    ours = {model for app in OURS for model in apps.get_app_config(app).get_models()}
    assert ours | {Group} == MAKERS.keys()
    for model in MAKERS:
        assert isinstance(admin.site._registry[model], admin_base.LoraModelAdmin)


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


# --- secrets and odd contents --------------------------------------------------------------------------------


def test_neither_tokens_nor_hashes_are_shown(boss: Client) -> None:
    user = factories.make_user()
    text, link = factories.make_token(user=user), create_sign_in_link(user)
    token = ApiToken.objects.get()
    stored = SignInLink.objects.get()
    pages = [page(model, "changelist") for model in (ApiToken, SignInLink, User)]
    pages += [page(ApiToken, "change", token.pk), page(SignInLink, "change", stored.pk)]
    for path in pages:
        html = boss.get(path).content.decode()
        for secret in (text, link, token.token_hash, stored.token_hash):
            assert secret not in html


def test_revoking_a_token(boss: Client) -> None:
    factories.make_token(user=factories.make_user())
    token = ApiToken.objects.get()
    boss.post(page(ApiToken, "changelist"), {"action": "revoke", "_selected_action": [str(token.pk)]})
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_a_log_shows_payloads_bounded_and_escaped(boss: Client) -> None:
    body = b"\x00\xff<script>alert(1)</script>" + b"x" * 100_000
    log = factories.make_log(
        state=LogState.UNUSABLE,
        response_body=body,
        response_payload={"text": "<img onerror=x>"},
        request_payload={"prompt": "<b>R&D</b> 😀" + "y" * 100_000},
    )
    response = boss.get(page(GenerationLog, "change", log.pk))
    html = response.content.decode()
    assert response.status_code == 200
    assert "100,027 bytes" in html
    assert "more characters" in html
    assert "&lt;script&gt;alert" in html
    assert "<script>alert" not in html
    assert "<img onerror" not in html
    assert "&lt;b&gt;R&amp;D&lt;/b&gt; 😀" in html
    assert len(html) < 200_000


def test_counts_stop_at_a_bound(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_base, "MOST_COUNTED", 100)
    many_groups(ROWS)
    assert boss.get(page(Group, "changelist")).context["cl"].result_count == 100


# --- who may what --------------------------------------------------------------------------------------------


def test_strangers_are_sent_to_the_sign_in_page() -> None:
    response = Client().get(page(BatchJob, "changelist"), follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse("sign_in"))
    guest = Client()
    guest.force_login(factories.make_user())
    assert guest.get(page(BatchJob, "changelist"), follow=True).status_code == 403


def staff(*permissions: str) -> tuple[Client, User]:
    user = factories.make_user(staff=True)
    for name in permissions:
        app, _, codename = name.partition(".")
        user.user_permissions.add(
            apps.get_model("auth", "Permission").objects.get(content_type__app_label=app, codename=codename)
        )
    client = Client()
    client.force_login(user)
    return client, user


def test_staff_see_the_rows_of_their_own_workspaces() -> None:
    client, user = staff("batches.view_batchjob", "workspaces.view_workspace")
    mine, foreign = factories.make_job(by=user), factories.make_job()
    shown = client.get(page(BatchJob, "changelist")).context["cl"].result_list
    assert [job.pk for job in shown] == [mine.pk]
    assert client.get(page(BatchJob, "change", mine.pk)).status_code == 200
    assert client.get(page(BatchJob, "change", foreign.pk)).status_code == 302
    listed = client.get(page(Workspace, "changelist")).context["cl"].result_list
    assert list(listed) == [user.personal_workspace()]


def test_staff_cannot_put_rows_into_foreign_workspaces() -> None:
    client, user = staff(
        "templates_app.add_prompttemplate", "templates_app.view_prompttemplate", "workspaces.view_workspace"
    )
    foreign = factories.make_workspace()
    empty = {"versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0}
    for workspace, made in ((foreign, False), (user.personal_workspace(), True)):
        body = {"name": "Mine", "tier": "template", "workspace": str(workspace.pk), **empty}
        client.post(page(PromptTemplate, "add"), body)
        assert PromptTemplate.objects.filter(workspace=workspace).exists() is made


def test_staff_cannot_make_themselves_superusers() -> None:
    client, user = staff("workspaces.change_user", "workspaces.view_user")
    body = {"username": user.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    assert client.post(page(User, "change", user.pk), body).status_code == 302
    user.refresh_from_db()
    assert not user.is_superuser
    boss = factories.make_user(superuser=True, password="correct horse battery")
    assert client.post(page(User, "change", boss.pk), body).status_code == 403
    change_password = reverse("admin:auth_user_password_change", args=[boss.pk])
    assert client.get(change_password).status_code == 403


def test_a_new_person_can_be_added(boss: Client) -> None:
    body = {"username": "fresh", "usable_password": "false", "password1": "", "password2": ""}
    assert boss.post(page(User, "add"), body).status_code == 302
    assert User.objects.get(username="fresh").personal_workspace().personal


# --- without the kit -----------------------------------------------------------------------------------------


def test_without_unfold_the_stock_admin_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "unfold"]:
        monkeypatch.setitem(sys.modules, name, None)
    spec = importlib.util.spec_from_file_location("stock_admin_base", admin_base.__file__)
    assert spec is not None
    assert spec.loader is not None
    stock = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stock)
    assert stock.LoraModelAdmin.__mro__[1] is admin.ModelAdmin
    assert stock.LoraTabularInline.__mro__[1] is admin.TabularInline


def test_the_clock_of_a_worker_is_shown(boss: Client) -> None:
    worker = factories.make_worker(stopped_at=timezone.now())
    assert worker.host in boss.get(page(Worker, "change", worker.pk)).content.decode()
    assert (
        Dimension.REQUESTS
        in boss.get(page(RateLimit, "changelist") + "?dimension__exact=requests").content.decode()
    )
