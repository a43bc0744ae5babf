"""Every index is used by a query of the product: shown by the plan that PostgreSQL makes for it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analytics.rolling import CHANGED, SINCE
from batches.actions.payloads import REMOVE
from batches.engine.dispatch import CANDIDATES, MARK, SHARED_CANDIDATES, SHARED_MARK
from batches.engine.reap import ABANDONED
from batches.models import BatchItem, BatchJob, GenerationLog
from batches.planning.estimate.history import QUERY as HISTORY
from batches.reports.progress import QUERY as STATUS
from batches.reports.quality import measure_quality
from batches.web.plans.plan_page import find_earlier_items
from bench.support.seeding import analyze, seed_finished_jobs, seed_job
from bench.yields import DECIDE
from conversations.comparison import FIND_CANDIDATES
from conversations.models import Conversation
from conversations.queue import QueueOrder, list_after, list_before, order_queue
from conversations.usage import query_usage
from conversations.web.forms import FilterForm
from stack.postgres import WEB, WORKER
from tests.support.once import empty_tables
from tests.support.web_role import owner_role, web_role
from workspaces.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.lengthy]

ROWS = 4000


@pytest.fixture(scope="module")
def seeded(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[User, BatchJob]]:
    """Two workspaces with thousands of conversations, committed and vacuumed as they are in life; emptied afterwards."""
    with django_db_blocker.unblock():
        try:
            users = [User.objects.create_user(name) for name in ("mine", "other")]
            job = seed_job(users[0].personal_workspace(), size=ROWS, turns=0)
            seed_job(users[1].personal_workspace(), size=ROWS, turns=0, running=False)
            for user in users:
                seed_finished_jobs(user.personal_workspace(), count=1000)
            dispatched = job.items.filter(status="queued").values("pk")[:10]
            BatchItem.objects.filter(pk__in=list(dispatched.values_list("pk", flat=True))).update(
                rung_at=timezone.now()
            )
            analyze()
            yield users[0], job
        finally:
            empty_tables()


@pytest.fixture(autouse=True)
def asker(request: pytest.FixtureRequest, seeded: tuple[User, BatchJob], db: None) -> Iterator[None]:
    """Plans are those of the process that asks: of the web behind the policies, told the person's workspace, or of a worker."""
    is_engine = request.node.name.startswith("test_the_engine")
    home = seeded[0].personal_workspace().pk
    with web_role(WORKER if is_engine else WEB):
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lorapipe.workspaces', %s, true)", [f"{{{home}}}"])
        yield


def plan_of(rows: "QuerySet[Any, Any]") -> str:
    return rows.explain()


def plan_of_sql(sql: str, **values: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}", values)
        return "\n".join(row[0] for row in cursor.fetchall())


def test_the_engine_looks_for_near_duplicates(seeded: tuple[User, BatchJob]) -> None:
    home = seeded[0].personal_workspace().pk
    values = {"workspace": home, "bands": list(range(32)), "root": home, "most": 8, "similar": 200}
    assert "conversation_bands" in plan_of_sql(FIND_CANDIDATES, **values)


def test_lists_and_filters(seeded: tuple[User, BatchJob]) -> None:
    user, _ = seeded
    mine = Conversation.objects.visible_to(user)
    keys = mine.newest_first().values_list("pk")
    assert "conversation_newest" in plan_of(keys[:50])
    assert "conversation_by_status" in plan_of(keys.filter(status="rejected")[:50])
    assert "conversation_by_tier" in plan_of(keys.filter(tier="edge_case")[:50])
    low, high = Decimal("9.8"), Decimal("9.9")
    # Behind a policy a numeric column is compared last. Exports select by score in a worker.
    with web_role(WORKER):
        assert "conversation_by_score" in plan_of(mine.scored_between(low, high).order_by().values_list("pk"))


def test_what_was_made_from_a_template(seeded: tuple[User, BatchJob]) -> None:
    _, job = seeded
    version = job.items.all()[0].template_version
    for field, key in (
        ("template_version", version.pk),
        ("template_version__template", version.template_id),
    ):
        plan = plan_of(query_usage(field, [key]))
        assert "Index Only Scan using conversation_by_template" in plan, plan


@pytest.mark.parametrize("order", list(QueueOrder))
def test_the_review_queue(seeded: tuple[User, BatchJob], order: QueueOrder) -> None:
    """The first page, the count, next and previous: each by the order's own index or, the count, by any of the four."""
    user, _ = seeded
    rows = Conversation.objects.visible_to(user).undecided()
    ordered = order_queue(rows, order)
    index = f"conversation_queue_{order}"
    first = plan_of(ordered[:50])
    assert index in first
    assert "Sort" not in first
    middle = ordered[700]
    with CaptureQueriesContext(connection) as asked:
        assert rows.count() > 700
    assert "Index Only Scan using conversation_queue_" in plan_of_sql(asked.captured_queries[0]["sql"])
    with CaptureQueriesContext(connection) as asked:
        assert len([*list_after(rows, order, middle), *list_before(rows, order, middle)]) == 2
    for query in asked.captured_queries:
        plan = plan_of_sql(query["sql"])
        assert "conversation_queue_" in plan, plan
        assert "Seq Scan" not in plan, plan


def test_what_imports_look_up(seeded: tuple[User, BatchJob]) -> None:
    mine = Conversation.objects.filter(workspace=seeded[0].personal_workspace())
    found = mine.filter(external_id__in=["a", "b"]).exclude(external_id="")
    assert "conversation_external_id" in plan_of(found)
    same = mine.filter(content_hash__in=["a", "b"]).exclude(content_hash="")
    assert "conversation_content_hash" in plan_of(same)
    assert "conversation_by_import" in plan_of(Conversation.objects.filter(import_job=seeded[1].pk))


def test_old_payloads(seeded: tuple[User, BatchJob]) -> None:
    assert "log_payloads" in plan_of_sql(REMOVE, days=0, at_once=100)


def test_search(seeded: tuple[User, BatchJob]) -> None:
    """The page asks two functions, and the rows by key. What the functions ask is planned as their owner."""
    user, _ = seeded
    found = Conversation.objects.visible_to(user).matching("Number 4711")
    plan = plan_of(found)
    assert "conversations_pkey" in plan
    assert "Seq Scan" not in plan, plan
    like = "SELECT * FROM {} WHERE workspace_id = ANY (%(homes)s) AND {} LIKE '%%NUMBER 4711%%'"
    homes = [user.personal_workspace().pk]
    with owner_role():
        assert "conversation_search" in plan_of_sql(like.format("conversations", "search"), homes=homes)
        with (
            connection.cursor() as cursor
        ):  # the seeded conversations have no turns: any other plan costs nothing
            for other in ("seqscan", "nestloop", "mergejoin", "indexscan"):
                cursor.execute(f"SET LOCAL enable_{other} = off")
        plan = plan_of_sql(like.format("conversation_turns", "upper(content)"), homes=homes)
        assert "turn_text" in plan


def test_the_engine_finds_the_days_that_have_changed(seeded: tuple[User, BatchJob]) -> None:
    with owner_role(), connection.cursor() as cursor:
        cursor.execute(DECIDE, {"user": seeded[0].pk})
        cursor.execute("ANALYZE conversation_decisions")
    plan = plan_of_sql(CHANGED.format(since=SINCE), since=timezone.now())
    for index in ("log_changed", "conversation_changed", "decision_changed"):
        assert index in plan, plan


def test_the_list_in_its_order(seeded: tuple[User, BatchJob]) -> None:
    user, _ = seeded
    rows = FilterForm({}).apply(Conversation.objects.visible_to(user))
    plan = plan_of(rows[:50])
    assert "conversation_flagged_first" in plan
    assert "Sort" not in plan


def test_the_batch_pages(seeded: tuple[User, BatchJob]) -> None:
    user, _ = seeded
    assert "job_newest" in plan_of(BatchJob.objects.visible_to(user).newest_first()[:20])
    logs = GenerationLog.objects.visible_to(user).newest_first().values_list("pk")
    assert "log_newest" in plan_of(logs[:50])


def test_the_quality_of_a_batch(seeded: tuple[User, BatchJob]) -> None:
    """One small batch among thousands of conversations: scores, flags, those without one, and which texts are read."""
    with owner_role():
        small = seed_job(seeded[0].personal_workspace(), size=40, turns=2, running=False)
    with owner_role(), connection.cursor() as cursor:  # one in eight has a flag, as in life
        cursor.execute("UPDATE conversations SET flag_count = 1 WHERE hashtext(id::text) % 8 = 0")
        cursor.execute("ANALYZE conversations")
    with CaptureQueriesContext(connection) as asked:
        assert measure_quality(small).count == 40
    *of_conversations, _ = (each["sql"].replace("%", "%%") for each in asked.captured_queries)
    for sql in of_conversations:
        plan = plan_of_sql(sql)
        assert "conversation_by_job" in plan, plan
    assert len(of_conversations) == 4


def test_the_status_query(seeded: tuple[User, BatchJob]) -> None:
    _, job = seeded
    plan = plan_of_sql(
        STATUS, job=job.pk, pool="p", queue="generation", stale=45.0, sample=30, demo=True, minute=60.0
    )
    for index in ("item_processing", "item_ended"):
        assert index in plan
    assert "Seq Scan on batch_items" not in plan


def test_the_engine_of_prompts_that_share_something(seeded: tuple[User, BatchJob]) -> None:
    _, job = seeded
    values = {"again_s": 15.0, "kind": "batch", "limit": 1000, "demo": True, "n": 10, "job": job.pk}
    for query in (SHARED_CANDIDATES, SHARED_MARK):
        plan = plan_of_sql(query, **values)
        assert "item_queued" in plan
        assert "Seq Scan on batch_items" not in plan


def test_the_engine(seeded: tuple[User, BatchJob]) -> None:
    _, job = seeded
    candidates = plan_of_sql(CANDIDATES, again_s=15.0, kind="batch", limit=1000, demo=True)
    for index in ("job_active", "item_queued", "item_rung"):
        assert index in candidates, candidates
    assert "item_queued" in plan_of_sql(MARK, job=job.pk, n=10, again_s=15.0)
    assert "log_pending" in plan_of_sql(ABANDONED, grace=75.0, after=30.0, stale=45.0)


def test_history(seeded: tuple[User, BatchJob]) -> None:
    _, job = seeded
    version = job.items.all()[0].template_version_id
    plan = plan_of_sql(
        HISTORY,
        versions=[version],
        tiers=["template"],
        models=["claude-sonnet-5-5"],
        simulated=True,
        newest=500,
    )
    assert "log_history" in plan, plan
    assert "Seq Scan" not in plan, plan


def test_the_page_of_estimates(seeded: tuple[User, BatchJob]) -> None:
    user, _ = seeded
    rows = BatchJob.objects.visible_to(user).filter(status="completed", actual_seconds__isnull=False)
    assert "job_judged" in plan_of(rows.order_by("-completed_at", "-id")[:100])


def test_items_are_found_by_position(seeded: tuple[User, BatchJob]) -> None:
    _, job = seeded
    assert "item_position_once" in plan_of(BatchItem.objects.filter(job=job).order_by("position")[:50])


def test_what_a_plan_repeats_and_what_was_tried(seeded: tuple[User, BatchJob]) -> None:
    _, job = seeded
    item = job.items.all()[0]
    for column in ("prompt_hash", "subject_hash"):
        rows = find_earlier_items(job, column, [getattr(item, column)])
        assert f"item_{column.removesuffix('_hash')}" in plan_of(rows), column
    assert "job_trials" in plan_of(job.trials.values_list("pk"))
