"""Make many rows quickly, as a busy workspace has them: for the benchmarks, and for tests of query plans.

PostgreSQL makes the rows itself: 10,000 conversations with their items, turns and logs take a second or two.
"""

import time
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from batches.models import BatchJob
from batches.models.states import JobStatus
from templates_app.models import PromptTemplate, TemplateVersion
from workspaces.models import Workspace

MONEY = Decimal("0.013")

WORDS = """
    (ARRAY['Anxious Investor', 'Recent Graduate', 'Skeptical Engineer', 'Gig Worker', 'Late-Start Saver'])[1 + n %% 5] AS persona,
    (ARRAY['worried', 'hopeful', 'ashamed', 'angry', 'calm', 'confused'])[1 + n %% 6] AS emotion,
    (ARRAY['index funds', 'student loans', 'a mortgage in a hot market', 'retirement at fifty', 'an inheritance', 'budgeting', 'taxes'])[1 + n %% 7] AS topic,
    (ARRAY['template', 'template', 'scenario', 'edge_case'])[1 + n %% 4] AS tier
"""
ITEMS = f"""
INSERT INTO batch_items (id, workspace_id, job_id, position, kind, conversation_id, template_version_id, topic, tier, category,
                         parameters, details, status, progress, error_kind, error_message, attempt, crashes, ended_at)
SELECT gen_random_uuid(), %(workspace)s, %(job)s, n, 'generate', 'fp_seed_' || %(tag)s || '_' || n, %(version)s, topic, tier, '{{}}',
       jsonb_build_object('persona', persona, 'emotion', emotion, 'topic', topic), '{{}}',
       CASE WHEN n <= %(done)s THEN 'completed' ELSE 'queued' END, CASE WHEN n <= %(done)s THEN 100 ELSE 0 END, '', '', 1, 0,
       CASE WHEN n <= %(done)s THEN now() - make_interval(secs => (%(size)s - n) / 10.0) END
  FROM (SELECT n, {WORDS} FROM generate_series(1, %(size)s) n) numbered
"""
CONVERSATIONS = """
INSERT INTO conversations (id, root_id, version, workspace_id, conversation_id, batch_item_id, template_version_id, parent_type, title,
                           persona, emotion, topic, intent, tone, tier, category, language, parameters, status, status_before_archive,
                           source, simulated, model, quality_score, quality_metrics, flags, bands, turn_count, total_tokens, origin_job_id,
                           actual_cost_usd, reviewer_notes, error_message, created_at)
SELECT id, id, 1, %(workspace)s, conversation_id, id, %(version)s, '', (parameters->>'persona') || ' asks about ' || topic || ', number ' || position,
       parameters->>'persona', parameters->>'emotion', topic, '', '', tier, '{}', 'en', parameters,
       (ARRAY['generated', 'pending_review', 'needs_revision', 'rejected', 'generated'])[1 + position %% 5], '',
       'generated', true, 'claude-sonnet-5-5', (position %% 101) / 10.0, '{}', '[]',
       ARRAY(SELECT hashtext(id::text || band) FROM generate_series(1, 32) band), 8, 2500, job_id, %(money)s, '', '',
       now() - make_interval(days => %(days)s, secs => position)
  FROM batch_items WHERE job_id = %(job)s AND status = 'completed'
"""
TURNS = """
INSERT INTO conversation_turns (id, workspace_id, conversation_id, turn_number, role, content, token_count)
SELECT gen_random_uuid(), c.workspace_id, c.id, t, (ARRAY['assistant', 'user'])[1 + t %% 2], repeat('Turn ' || t || ' of ' || c.title || '. ', 6), 90
  FROM conversations c JOIN batch_items i ON i.id = c.batch_item_id CROSS JOIN generate_series(1, %(turns)s) t WHERE i.job_id = %(job)s
 ORDER BY i.position, t -- the engine, too, writes the turns of a conversation together
"""
LOGS = """
INSERT INTO generation_logs (id, workspace_id, job_id, item_id, conversation_id, template_version_id, tier, attempt, state, pool, model, max_tokens,
                             reservation_usd, cost_usd, price_version, deadline, simulated, parameters, request_payload, input_tokens,
                             output_tokens, duration_ms, cache_write_tokens, cache_read_tokens, provider_request_id, stop_reason, error_kind, error_message)
SELECT gen_random_uuid(), %(workspace)s, %(job)s, id, id, %(version)s, tier, 1, 'succeeded', 'demo:claude-sonnet-5-5', 'claude-sonnet-5-5', 8192,
       0.09, %(money)s, 'seed', now(), %(simulated)s, '{}', '{}', 1400, 900 + position %% 400, 20000 + position %% 9000, 0, 0, '', 'end_turn', '', ''
  FROM batch_items WHERE job_id = %(job)s AND status = 'completed'
"""


def seed_job(
    workspace: Workspace,
    *,
    size: int,
    turns: int = 8,
    running: bool = True,
    days: int = 0,
    analyzed: bool = False,
) -> BatchJob:
    """A job of `size` items. If `running`, 90% are completed with their conversations and log rows, and the rest is queued.

    `days`: how long ago its conversations were made. `analyzed`: the tables hold such rows already, with statistics.
    """
    done = size * 9 // 10 if running else size
    job = _job(workspace, size=size, done=done, running=running)
    values: dict[str, Any] = {
        "workspace": workspace.pk,
        "job": job.pk,
        "version": _version(workspace).pk,
        "tag": job.pk.hex[:6],
        "size": size,
        "done": done,
        "money": MONEY,
        "turns": turns,
        "simulated": running,
        "days": days,
    }
    with connection.cursor() as cursor:
        for statement in (ITEMS, CONVERSATIONS, *([TURNS] if turns else []), LOGS):
            cursor.execute(statement, values)
            # Without statistics the planner joins the new rows row by row, which takes longer than the statement timeout.
            if not analyzed:
                cursor.execute("ANALYZE batch_items, conversations")
    return job


# Flags as one in eight has them; the others are decided.
QUEUE = """
UPDATE conversations c
   SET decided_at = CASE WHEN i.position > %(waiting)s THEN now() END,
       status = CASE WHEN i.position > %(waiting)s THEN 'rejected'
                     ELSE (ARRAY['generated', 'pending_review', 'needs_revision'])[1 + i.position %% 3] END,
       flag_count = CASE WHEN i.position %% 8 = 0 THEN 1 + i.position %% 3 ELSE 0 END
  FROM batch_items i
 WHERE i.id = c.batch_item_id AND i.job_id = %(job)s
"""


def seed_queue(workspace: Workspace, *, size: int, waiting: int, at_once: int = 10_000) -> None:
    """`size` conversations, `waiting` of which are in the review queue, scattered as in life, with fresh statistics.

    They come in jobs of `at_once`, because a statement about all of them would pass the statement timeout.
    """
    for start in range(0, size, at_once):
        part = min(at_once, size - start)
        job = seed_job(workspace, size=part, turns=0, running=False)
        with connection.cursor() as cursor:
            cursor.execute(QUEUE, {"job": job.pk, "waiting": part * waiting // size})
    analyze()


def seed_finished_jobs(workspace: Workspace, *, count: int) -> None:
    """Rows of completed jobs without items, as many as years of work would leave."""
    jobs = [_unsaved_job(workspace, f"Finished {number}", JobStatus.COMPLETED) for number in range(count)]
    for number, job in enumerate(jobs):
        job.completed_at = timezone.now() - timedelta(hours=number)
        job.actual_seconds = 60.0
    BatchJob.objects.bulk_create(jobs)


def analyze() -> None:
    """Update the statistics and the visibility map, without which there are no index-only scans.

    PostgreSQL does not mark pages while any snapshot is older than the rows, even one of autovacuum. Then it is repeated.
    Nor does it mark pages with dead rows whose index entries it leaves alone because they are few; here it must not.
    """
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while True:
            cursor.execute("VACUUM (ANALYZE, INDEX_CLEANUP ON)")
            cursor.execute("SELECT relallvisible >= relpages FROM pg_class WHERE relname = 'conversations'")
            if cursor.fetchone()[0] or time.monotonic() > deadline:
                return
            time.sleep(0.2)


def _unsaved_job(workspace: Workspace, name: str, status: JobStatus) -> BatchJob:
    return BatchJob(
        workspace=workspace,
        name=name,
        status=status,
        model="claude-sonnet-5-5",
        max_tokens=8192,
        concurrent_processing=10,
        budget_usd=1000,
        worst_item_usd=Decimal("0.09"),
    )


def _job(workspace: Workspace, *, size: int, done: int, running: bool) -> BatchJob:
    job = _unsaved_job(workspace, f"Seeded {size}", JobStatus.PROCESSING if running else JobStatus.COMPLETED)
    job.total_items, job.completed_items, job.successful_items = size, done, done
    job.spent = MONEY * done
    job.started_at = timezone.now() - timedelta(hours=1)
    job.completed_at = None if running else timezone.now()
    job.save(force_insert=True)
    return job


def _version(workspace: Workspace) -> TemplateVersion:
    template = PromptTemplate.objects.create(workspace=workspace, name=f"Seeded {uuid4()}", tier="template")
    return TemplateVersion.objects.create(
        workspace=workspace, template=template, number=1, text="{{topic}}", published_at=timezone.now()
    )
