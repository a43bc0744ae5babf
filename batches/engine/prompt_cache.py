"""Let one call write a shared prompt to the provider's cache, and let the other calls of its kind wait until it has.

The items of a batch that use one template version have prompts with the same beginning. The provider caches such a
beginning: the first request writes it, which costs more than plain input, and later requests read it for a tenth of the
price. An entry can be read from when the first request's response begins, and it expires 5 minutes or an hour after the
start of the last request that used it. If all calls started at once, all of them would write and none would read.

So `warm_prefixes` has one row for each job and template version (the model is `CachedPrefix`):

- `warm_until`: until when we expect the entry to be readable. In the past: there is no entry, the version is called cold.
- `warming`: the log row of the call that writes the entry now.

A claim of a cold version either becomes the warming call or is refused. If the warming call fails or its worker dies, its
log row stops being pending, and the next claim becomes the warming call. Nothing is kept in memory.
"""

from typing import Any
from uuid import UUID

from django.db import connection

from claude.messages import LIFETIMES_S, Usage

# Seconds by which an entry is taken to expire earlier than the provider says: between our claim and the provider's reading
# of the request lie the wait for the permit, the network, and the difference of two clocks.
MARGIN_S = 15

# Whether the entry can be read, and whether more than half of its lifetime is left.
READ_STATE = """
SELECT warm_until > clock_timestamp(), warm_until > clock_timestamp() + make_interval(secs => %(half)s)
  FROM warm_prefixes WHERE job_id = %(job)s AND template_version_id = %(version)s
"""
MAKE_PREFIX = """
INSERT INTO warm_prefixes (id, job_id, template_version_id) VALUES (gen_random_uuid(), %(job)s, %(version)s)
ON CONFLICT DO NOTHING
"""
# Lock the row and read it again. If another transaction holds it, nothing is found: the claim is refused and its item goes
# back into the queue, instead of waiting here with its locks held.
LOCK_PREFIX = """
SELECT warm_until > clock_timestamp() FROM warm_prefixes
 WHERE job_id = %(job)s AND template_version_id = %(version)s FOR NO KEY UPDATE SKIP LOCKED
"""
# Whether a warming call is under way. A statement of its own, after the lock: only a new snapshot sees what the previous
# holder of the row has committed.
IS_WARMING = """
SELECT EXISTS (SELECT 1 FROM generation_logs l JOIN warm_prefixes p ON p.warming = l.id
                WHERE p.job_id = %(job)s AND p.template_version_id = %(version)s AND l.state = 'pending')
"""
SET_WARMING = """
UPDATE warm_prefixes SET warming = %(log)s WHERE job_id = %(job)s AND template_version_id = %(version)s
"""
# The entry lives longer because this call uses it.
REFRESH = """
UPDATE warm_prefixes SET warm_until = greatest(warm_until, clock_timestamp() + make_interval(secs => %(life)s))
 WHERE job_id = %(job)s AND template_version_id = %(version)s
"""
# The call of this log row has its reply: set how long the entry can be read.
RECORD_REPLY = """
UPDATE warm_prefixes p SET warm_until = CASE
       -- the provider wrote or read the entry, and it has not expired since the request started
       WHEN %(cached)s AND l.created_at + make_interval(secs => %(life)s) > clock_timestamp()
       THEN greatest(p.warm_until, l.created_at + make_interval(secs => %(life)s))
       -- the warming call cached nothing, or took longer than an entry lives: waiting saves nothing, so never wait again
       WHEN p.warming = l.id THEN '2100-01-01 00:00:00+00' ELSE p.warm_until END
  FROM generation_logs l
 WHERE l.id = %(log)s AND p.job_id = l.job_id AND p.template_version_id = l.template_version_id
   -- with half of the lifetime left there is nothing to change: one UPDATE less for most replies
   AND p.warm_until < l.created_at + make_interval(secs => %(half)s)
"""
# The next two statements are for dispatching. `{job}` is the job's id in SQL.
# The shared versions of the job that are cold.
COLD_VERSIONS = """
SELECT s.version FROM batch_jobs g
 CROSS JOIN LATERAL (SELECT jsonb_object_keys(coalesce(g.estimate -> 'shared', '{{}}'))::uuid AS version) s
  LEFT JOIN warm_prefixes p ON p.job_id = g.id AND p.template_version_id = s.version
 WHERE g.id = {job} AND (p.warm_until IS NULL OR p.warm_until <= now())"""
# For each cold version the one item that may be dispatched to warm it.
WARMERS = """
SELECT -- its first queued item, in the order in which items are dispatched
       (SELECT w.id FROM batch_items w WHERE w.job_id = {job} AND w.template_version_id = c.version AND w.status = 'queued'
           AND (w.run_after IS NULL OR w.run_after <= now()) ORDER BY w.crashes, w.position LIMIT 1)
  FROM ({cold}) c
 -- no call warms it now
 WHERE NOT EXISTS (SELECT 1 FROM warm_prefixes p JOIN generation_logs l ON l.id = p.warming AND l.state = 'pending'
                    WHERE p.job_id = {job} AND p.template_version_id = c.version)
   -- and no item was dispatched to warm it and is not claimed yet
   AND NOT EXISTS (SELECT 1 FROM batch_items r WHERE r.job_id = {job} AND r.template_version_id = c.version
                      AND r.status = 'queued' AND r.rung_at >= now() - make_interval(secs => %(again_s)s))"""


def may_dispatch(job: str) -> str:
    """The condition, as SQL over items `i`, that the prompt cache lets an item be dispatched. `job`: the job's id in SQL.

    It takes no lock. It only spares the workers claims that `admit` would refuse.
    """
    cold = COLD_VERSIONS.format(job=job)
    warmers = WARMERS.format(job=job, cold=cold)
    return f"(i.template_version_id <> ALL(ARRAY({cold})) OR i.id = ANY(ARRAY({warmers})))"


def admit(*, job_id: UUID, version_id: UUID, log_id: UUID, lifetime: str) -> bool:
    """Whether this call may be made now: because the entry can be read, or because this is the call that writes it.

    `lifetime` is 5m or 1h. Part of the claim's transaction, after the item and the log row and before the job. It never
    waits for a lock.
    """
    values = {"job": job_id, "version": version_id, "log": log_id, **_times(lifetime)}
    state = _row(READ_STATE, values)
    if state and state[0]:
        if not state[1] and _row(LOCK_PREFIX, values):  # using an entry extends its life
            _run(REFRESH, values)
        return True
    if state is None:
        _run(MAKE_PREFIX, values)
    return _take_warming(values)


def _take_warming(values: dict[str, Any]) -> bool:
    """Become the warming call, unless another one is. True also when the entry has become readable meanwhile."""
    locked = _row(LOCK_PREFIX, values)
    if locked is None:
        return False
    if not locked[0]:
        if _row(IS_WARMING, values) == (True,):
            return False
        _run(SET_WARMING, values)
    return True


def record_reply(*, log_id: UUID, lifetime: str, usage: Usage) -> None:
    """Record by a reply's usage whether the shared beginning is in the provider's cache. Part of the filing's transaction."""
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
