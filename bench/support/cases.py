"""The cases that `bench.queries` measures: the queries of pages and of API responses, by the code of the product."""

import os
import time
from collections.abc import Callable
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.test import Client

from analytics.rolling import roll_up
from batches.models import BatchJob
from batches.planning.estimate.history import Key, past
from batches.reports.progress import progress
from bench.support.seeding import analyze, seed_job
from templates_app.states import Tier
from workspaces.actions import create_token
from workspaces.models import User

# Statements slower than this are printed: BENCH_SHOW_MS=5 python -m bench.queries
SHOW_ABOVE_MS = float(os.environ.get("BENCH_SHOW_MS", "inf"))

LARGEST = 10_000  # conversations of a batch


def fill(rows: int) -> tuple[User, BatchJob]:
    """Make `rows` conversations for one person and as many for another, so that the queries must filter by workspace.

    One batch runs. Each of the others has 10,000 conversations and was made on a day of its own.
    """
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")  # seeding takes its time
    user: User = User.objects.create_user("bench", is_staff=True)
    other: User = User.objects.create_user("other")
    first = min(rows, LARGEST)
    job = seed_job(user.personal_workspace(), size=-(-first * 10 // 9))
    seed_job(other.personal_workspace(), size=first, running=False)
    for number, start in enumerate(range(first, rows, LARGEST), start=1):
        for person in (user, other):
            size = min(LARGEST, rows - start)
            workspace = person.personal_workspace()
            seed_job(workspace, size=size, running=False, days=number, analyzed=number % 10 != 1)
    roll_up(everything=True)
    analyze()
    with connection.cursor() as cursor:
        cursor.execute("RESET statement_timeout")
    return user, job


def cases(user: User, job: BatchJob) -> dict[str, Callable[[], Any]]:
    token = create_token(user, name="bench")
    client = Client(headers={"Authorization": f"Bearer {token}"}, SERVER_NAME="localhost")
    web = Client(SERVER_NAME="localhost")
    web.force_login(user)

    def get(path: str, client: Client = client) -> Callable[[], Any]:
        return lambda: _ok(client.get(path))

    return {
        "floor: SELECT 1": _select_one,
        "history of a template version": lambda: past(history_keys(job), simulated=True),
        "status of a batch (one query)": lambda: progress(job),
        "API batch status": get(f"/api/conversations/batch/{job.pk}/status"),
        "API list, newest 50": get("/api/conversations"),
        "API list, offset 5000": get("/api/conversations?offset=5000"),
        "API filter tier and status": get("/api/conversations?tier=scenario&status=pending_review"),
        "API filter score": get("/api/conversations?qualityScoreMin=9&qualityScoreMax=9.5"),
        "API search, many hits": get("/api/conversations?search=mortgage"),
        "API search, few hits": get("/api/conversations?search=number 4711"),
        "API search, none": get("/api/conversations?search=zebra crossing"),
        "page: conversations": get("/conversations/", web),
        "page: conversations, search": get("/conversations/?q=mortgage", web),
        "page: batch": get(f"/batches/{job.pk}/", web),
        "page: batches": get("/batches/", web),
        "page: dashboard": get("/dashboard/", web),
        "page: analytics": get("/analytics/", web),
        "page: review": lambda: web.get("/review/", follow=True),
    }


def history_keys(job: BatchJob) -> list[Key]:
    version = job.items.all()[0].template_version_id
    return [Key(version, tier, job.model) for tier in Tier.values]


def _ok(response: Any) -> None:
    assert response.status_code == 200, (response.status_code, response.content[:300])


def _select_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def database_ms(case: Callable[[], Any]) -> float:
    """The database time of a case in ms: the sum over its statements, including fetching the rows."""
    spent = 0.0

    def timing(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        nonlocal spent
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            took = time.perf_counter() - started
            spent += took
            if took * 1000 > SHOW_ABOVE_MS:
                print(f"    {took * 1000:.1f} ms: {' '.join(sql.split())[:400]}")

    with connection.execute_wrapper(timing):
        case()
    return spent * 1000
