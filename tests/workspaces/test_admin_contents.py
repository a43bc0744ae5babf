"""What admin pages show of secrets, of odd contents and of long lists, and what shows them when Unfold is missing."""

import importlib.util
import sys

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from batches.models import GenerationLog, RateLimit, Worker
from batches.models.states import Dimension, LogState
from tests import factories
from tests.workspaces.admin_urls import page
from tests.workspaces.many_rows import many_groups
from workspaces import admin_base
from workspaces.actions import create_sign_in_link
from workspaces.models import ApiToken, SignInLink, User

pytestmark = pytest.mark.django_db


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
    many_groups(200)
    assert boss.get(page(Group, "changelist")).context["cl"].result_count == 100


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
