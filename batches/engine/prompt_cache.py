"""The first call of a shared prompt writes the provider's cache; until it has, the others of its kind wait.

An entry can be read once the response of its first request has begun, and lives from the start of the last request that used
it. Everything is in rows: a call that warms and dies leaves a log that is not pending any more, and the next one warms.
"""

from typing import Any
from uuid import UUID

from django.db import connection

from claude.messages import LIFETIMES_S, Usage

# Between the claim and the provider's reading of the request: the permit's wait, the network, two clocks.
MARGIN_S = 15

READ_STATE = """
SELECT warm_until > clock_timestamp(), warm_until > clock_timestamp() + make_interval(secs => %(half)s)
  FROM warm_prefixes WHERE job_id = %(job)s AND template_version_id = %(version)s
"""
MAKE_PREFIX = """
INSERT INTO warm_prefixes (id, job_id, template_version_id) VALUES (gen_random_uuid(), %(job)s, %(version)s)
ON CONFLICT DO NOTHING
"""
# Whoever holds the row decides; who comes at the same moment waits for its turn outside, in the queue.
LOCK_PREFIX = """
SELECT warm_until > clock_timestamp() FROM warm_prefixes
 WHERE job_id = %(job)s AND template_version_id = %(version)s FOR NO KEY UPDATE SKIP LOCKED
"""
# A statement of its own: only a new snapshot sees what was committed before the row was ours.
IS_WARMING = """
SELECT EXISTS (SELECT 1 FROM generation_logs l JOIN warm_prefixes p ON p.warming = l.id
                WHERE p.job_id = %(job)s AND p.template_version_id = %(version)s AND l.state = 'pending')
"""
SET_WARMING = """
UPDATE warm_prefixes SET warming = %(log)s WHERE job_id = %(job)s AND template_version_id = %(version)s
"""
REFRESH = """
UPDATE warm_prefixes SET warm_until = greatest(warm_until, clock_timestamp() + make_interval(secs => %(life)s))
 WHERE job_id = %(job)s AND template_version_id = %(version)s
"""
# A provider that caches nothing of it, or an answer that took longer than the entry lives: waiting would be for nothing.
RECORD_REPLY = """
UPDATE warm_prefixes p SET warm_until = CASE
       WHEN %(cached)s AND l.created_at + make_interval(secs => %(life)s) > clock_timestamp()
       THEN greatest(p.warm_until, l.created_at + make_interval(secs => %(life)s))
       WHEN p.warming = l.id THEN '2100-01-01 00:00:00+00' ELSE p.warm_until END
  FROM generation_logs l
 WHERE l.id = %(log)s AND p.job_id = l.job_id AND p.template_version_id = l.template_version_id
   AND p.warm_until < l.created_at + make_interval(secs => %(half)s)
"""


# For the ring, of items `i`: of a version that is cold only the one item that would warm it, and that only while no other does.
COLD_VERSIONS = """
SELECT s.version FROM batch_jobs g
 CROSS JOIN LATERAL (SELECT jsonb_object_keys(coalesce(g.estimate -> 'shared', '{{}}'))::uuid AS version) s
  LEFT JOIN warm_prefixes p ON p.job_id = g.id AND p.template_version_id = s.version
 WHERE g.id = {job} AND (p.warm_until IS NULL OR p.warm_until <= now())"""
WARMERS = """
SELECT (SELECT w.id FROM batch_items w WHERE w.job_id = {job} AND w.template_version_id = c.version AND w.status = 'queued'
           AND (w.run_after IS NULL OR w.run_after <= now()) ORDER BY w.crashes, w.position LIMIT 1)
  FROM ({cold}) c
 WHERE NOT EXISTS (SELECT 1 FROM warm_prefixes p JOIN generation_logs l ON l.id = p.warming AND l.state = 'pending'
                    WHERE p.job_id = {job} AND p.template_version_id = c.version)
   AND NOT EXISTS (SELECT 1 FROM batch_items r WHERE r.job_id = {job} AND r.template_version_id = c.version
                      AND r.status = 'queued' AND r.rung_at >= now() - make_interval(secs => %(again)s))"""


def may_dispatch(job: str) -> str:
    """The condition as SQL; `job` is the job's id in SQL. It looks at rows and takes no lock: the claim decides."""
    cold = COLD_VERSIONS.format(job=job)
    warmers = WARMERS.format(job=job, cold=cold)
    return f"(i.template_version_id <> ALL(ARRAY({cold})) OR i.id = ANY(ARRAY({warmers})))"


def admit(*, job_id: UUID, version_id: UUID, log_id: UUID, lifetime: str) -> bool:
    """Whether this call may be made now: it reads a warm entry, or it is the one that warms it. In the claim's transaction.

    Lock order: item, log, prefix, job. Nobody waits for the row here.
    """
    values = {"job": job_id, "version": version_id, "log": log_id, **_times(lifetime)}
    state = _row(READ_STATE, values)
    if state and state[0]:
        if not state[1] and _row(LOCK_PREFIX, values):  # each use gives the entry a new life
            _run(REFRESH, values)
        return True
    if state is None:
        _run(MAKE_PREFIX, values)
    return _take_warming(values)


def _take_warming(values: dict[str, Any]) -> bool:
    held = _row(LOCK_PREFIX, values)
    if held is None:
        return False
    if not held[0]:
        if _row(IS_WARMING, values) == (True,):
            return False
        _run(SET_WARMING, values)
    return True


def record_reply(*, log_id: UUID, lifetime: str, usage: Usage) -> None:
    """A reply has come, and tells whether the provider's cache held or took what is shared. In the filing's transaction."""
    cached = usage.cache_read + usage.cache_write_5m + usage.cache_write_1h > 0
    _run(RECORD_REPLY, {"log": log_id, "cached": cached, **_times(lifetime)})


def _times(lifetime: str) -> dict[str, float]:
    life = LIFETIMES_S[lifetime]
    return {"life": life - MARGIN_S, "half": life / 2}


def _row(query: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        found: tuple[Any, ...] | None = cursor.fetchone()
        return found


def _run(query: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
