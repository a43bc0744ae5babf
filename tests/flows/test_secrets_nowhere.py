"""No secret is anywhere: not in a dump, a log, a page, an answer of the API, the admin, a traceback or the broker's traffic.

Every kind of secret is made and used, the main job is done with them, and calls and pages break while they are in local variables.
"""

import io
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from django.apps import apps
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from batches.actions.notices import change_webhook
from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.models import Webhook
from batches.models.states import JobStatus
from exports.pushing.actions import enter_token
from lorapipe.backups.database import Database, dump, take_snapshot
from lorapipe.log_lines import MaskingFormatter
from provider import check, table
from provider.keys import enter_key, enter_own_key
from tests.factories import make_user
from tests.support.engine import Engine, running_engine, wait_for_end
from tests.support.jobs import start_starter_job
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces import actions
from workspaces.models import User

ENVIRONMENTS, ENTERED, OWN = "sk-ant-env-8sK2pQ7xR4mV", "sk-ant-entered-3nB9wL5tZ1", "sk-ant-own-6hJ4dF8gC2yN"
HUB = "hf_5rT7uM1oP9aXcVbN"
PASSWORD = "correct-Horse-42-battery"
PAGES = (
    "settings_provider",
    "settings_hub",
    "settings_models",
    "settings_budget",
    "conversations",
    "batches",
)
CALLS = ("/api/conversations/batch", "/api/conversations", "/api/logs", "/api/exports")


@pytest.fixture
def working(
    transactional_db: None, owner: User, fast_simulator: RunningSimulator, settings: Settings, tmp_path: Path
) -> Iterator[Engine]:
    settings.DEMO, settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = False, fast_simulator.url, ENVIRONMENTS
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False
    set_limits(pools(), per_minute=1_000_000)
    told = {"ANTHROPIC_BASE_URL": fast_simulator.url, "ANTHROPIC_API_KEY": ENVIRONMENTS}
    with running_engine(fast_simulator.url, tmp_path, **told) as started:
        started.start(slots=4)
        yield started


@contextmanager
def written_logs() -> Iterator[io.StringIO]:
    """What the product's handler would write of this process, with every line."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(MaskingFormatter("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@contextmanager
def watched_broker(url: str) -> Iterator[list[str]]:
    """Every command that anybody sends to the broker."""
    seen: list[str] = []
    ready, over = threading.Event(), threading.Event()

    def listen() -> None:
        with redis.Redis.from_url(url).monitor() as monitor:  # type: ignore[no-untyped-call]
            ready.set()
            for command in monitor.listen():
                seen.append(str(command))
                if over.is_set():
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield seen
    finally:
        over.set()
        redis.Redis.from_url(url).ping()
        thread.join(10)


def write_dump(target: Path) -> str:
    """The whole database as its owner dumps it, readable."""
    from django.db import connection  # noqa: PLC0415  (the connection of this moment)

    database = Database.of(connection.settings_dict)
    with take_snapshot(database) as snapshot:
        dump(database, snapshot, target, words=("--format=plain", "--compress=none"))
    return target.read_text(errors="replace")


def make_secrets(owner: User) -> dict[str, str]:
    home = owner.personal_workspace()
    enter_key(name="", api_key=ENTERED, by=owner)
    enter_own_key(workspace=home, api_key=OWN, by=owner)
    enter_token(workspace=home, token=HUB, by=owner)
    change_webhook(workspace=home, url="https://hooks.example.com/x", by=owner)
    owner.set_password(PASSWORD)
    owner.is_superuser = owner.is_staff = True
    owner.save()
    table.refresh(now=True)
    return {
        "key of the environment": ENVIRONMENTS,
        "key that was entered": ENTERED,
        "own key": OWN,
        "token of the Hub": HUB,
        "password": PASSWORD,
        "API token": actions.create_token(owner, name="script", by=owner),
        "sign-in link": actions.create_sign_in_link(owner),
        "webhook secret": Webhook.objects.get().secret().removeprefix("whsec_"),
    }


def break_with(secrets: dict[str, str]) -> str:
    """A traceback as an error service gets it: with the local variables of the product's own functions, but for what they hide."""
    frames: list[str] = []

    def refuse(**_: Any) -> None:
        raise RuntimeError("the audit log is full")

    with pytest.MonkeyPatch.context() as patch:
        for module in ("provider.keys", "exports.pushing.actions", "workspaces.actions"):
            patch.setattr(f"{module}.record", refuse)
        patch.setattr("workspaces.actions.secrets.token_urlsafe", lambda _: f"{secrets['sign-in link']}x")
        owner = User.objects.get(username="owner")
        home = owner.personal_workspace()
        for act in (
            lambda: enter_key(name="", api_key=ENTERED, by=owner),
            lambda: enter_own_key(workspace=home, api_key=OWN, by=owner),
            lambda: enter_token(workspace=home, token=HUB, by=owner),
            lambda: actions.create_token(owner, name="x"),
            lambda: actions.create_sign_in_link(owner),
        ):
            try:
                act()
            except RuntimeError:
                logging.getLogger("product").exception("It broke off")
                request = RequestFactory().get("/")
                reporter = ExceptionReporter(request, *sys.exc_info())
                # The frame of this test itself holds them all, and is no frame of the product.
                shown = [
                    frame for frame in reporter.get_traceback_frames() if "tests" not in frame["filename"]
                ]
                frames += [repr(frame["vars"]) for frame in shown]
    assert frames
    return "\n".join(frames)


def visit(client: Client, secrets: dict[str, str]) -> str:
    """Pages, the API and the admin, as the person who may see most of them."""
    answers = [client.get(reverse(name)) for name in PAGES]
    by_token = Client(
        headers={"authorization": f"Bearer {secrets['API token']}"}, raise_request_exception=False
    )
    answers += [by_token.get(path) for path in CALLS]
    assert {answer.status_code for answer in answers} == {200}
    for model in apps.get_models():
        if model in admin.site._registry:
            names = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            answers.append(client.get(reverse(f"{names}_changelist")))
            rows = model._default_manager.order_by("pk")[:3]
            answers += [client.get(reverse(f"{names}_change", args=[row.pk])) for row in rows]
    return "\n".join(f"{answer.headers}\n{answer.text}" for answer in answers)


@pytest.mark.slow
def test_no_secret_is_anywhere(
    working: Engine, owner: User, fast_simulator: RunningSimulator, settings: Settings, tmp_path: Path
) -> None:
    assert settings.REDIS_URL
    with watched_broker(settings.REDIS_URL) as traffic, written_logs() as lines:
        secrets = make_secrets(owner)
        client = Client(raise_request_exception=False)
        signed = client.post("/sign-in/", {"name": "owner", "password": PASSWORD})
        assert signed.status_code == 302
        assert Client().get(reverse("sign_in_link", args=[secrets["sign-in link"]])).status_code == 200
        job = wait_for_end(start_starter_job(owner, limit=10, concurrency=4))
        assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 10)
        check.check(key=owner.personal_workspace().provider_key or "", by=owner)
        fast_simulator.faults([{"kind": "unauthorized", "times": 0, "key": OWN}])
        refused = wait_for_end(start_starter_job(owner, limit=3, concurrency=2))
        assert refused.status == JobStatus.FAILED
        fast_simulator.faults([])
        pages = visit(client, secrets)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("provider.views.enter_own_key", lambda **given: 1 / len(given["api_key"][:0]))
            broken = client.post("/settings/provider/own-key/", {"own_key": OWN})
        assert broken.status_code == 500
        frames = break_with(secrets)
        wait_for(lambda: traffic, seconds=5, what="the broker was used")
    places = {
        "the dump": write_dump(tmp_path / "dump.sql"),
        "the logs of worker and dispatcher": working.output(),
        "the logs of the web": lines.getvalue(),
        "pages, API and admin": pages + broken.text,
        "the traceback": frames,
        "the broker": "\n".join(traffic),
    }
    assert all(places.values())
    found = [
        f"{name} in {place}"
        for name, secret in secrets.items()
        for place, text in places.items()
        if secret in text
    ]
    assert found == []


@pytest.mark.django_db
def test_a_traceback_hides_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same without an engine, so that it is looked at in every run."""
    make_user(username="owner")
    link = "Pq8zL3vX7kT1mW5nR9bC"
    text = break_with({"sign-in link": link})
    assert not [secret for secret in (ENTERED, OWN, HUB, link) if secret in text]
    assert "********************" in text
