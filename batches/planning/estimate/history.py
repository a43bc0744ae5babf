"""What the newest calls of a template version took. Estimates and rate limits know the past only through this module.

All calls of an item are added up: a reply that could not be used, or a call whose bill is unknown, is part of what its
conversation took. Simulated and real calls are never mixed.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

# Only so many calls are read, the newest ones: older ones say little about the next call.
NEWEST = 500
# Of one call, until there is history (docs/execution.md section 3).
TIER_INPUT_TOKENS = {"template": 2000, "scenario": 2500, "edge_case": 3000}
TIER_OUTPUT_TOKENS = {"template": 3000, "scenario": 4000, "edge_case": 5000}
# The usual length of the tier weighs as much as so many calls.
PRIOR_CALLS = 1
# Seconds for which an expectation is kept in memory. Shorter while few calls are known, because it changes fast then, and
# too high an expectation leaves a part of the limit unused.
FRESH_S = 30.0
LEARNING_CALLS, LEARNING_FRESH_S = 20, 2.0

QUERY = """
-- one row for each kind that is asked for: means, sums and variances of logarithms over its items
SELECT wanted.version, wanted.tier, wanted.model, count(*) AS items, sum(calls) AS calls,
       avg(output) AS output, coalesce(var_samp(ln(output)), 0) AS output_spread,
       sum(prompt) AS prompt, sum(cache_read) AS cache_read, sum(cache_write) AS cache_write,
       avg(seconds) AS seconds, coalesce(var_samp(ln(seconds)), 0) AS seconds_spread, count(seconds) AS timed
  FROM unnest(%(versions)s::uuid[], %(tiers)s::text[], %(models)s::text[]) AS wanted(version, tier, model)
 CROSS JOIN LATERAL (
       -- by_item: the calls of an item added up; a call without an item counts for itself
       SELECT coalesce(item_id, id) AS item, count(*) AS calls,
              -- a call whose bill is unknown has booked its worst case, which is as much output as it was allowed
              sum(greatest(CASE WHEN output_tokens = 0 THEN max_tokens ELSE output_tokens END, 1))::float8 AS output,
              sum(input_tokens + cache_read_tokens + cache_write_tokens) AS prompt,
              sum(cache_read_tokens) AS cache_read, sum(cache_write_tokens) AS cache_write,
              greatest(sum(duration_ms), 1) / 1000.0::float8 AS seconds
         -- newest: the newest calls of the kind that were billed or may have been
         FROM (SELECT id, item_id, max_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, duration_ms
                 FROM generation_logs
                WHERE template_version_id = wanted.version AND tier = wanted.tier AND model = wanted.model
                  AND simulated = %(simulated)s AND (output_tokens > 0 OR cost_usd > 0)
                  -- without a reply only the pool says whether it went to the simulator
                  AND (simulated OR pool NOT LIKE 'demo:%%')
                ORDER BY created_at DESC LIMIT %(newest)s) newest
        GROUP BY 1) by_item
 GROUP BY 1, 2, 3
"""


class Key(NamedTuple):
    """A kind of calls: of one template version, in one tier, to one model."""

    version: UUID
    tier: str
    model: str


class Tokens(NamedTuple):
    """The tokens of one call: the whole prompt, cached parts included, and the output."""

    input: int
    output: int


@dataclass(frozen=True, kw_only=True)
class Past:
    """What items of one kind took.

    `output`, `prompt` and `seconds` are means per item, `cache_read` and `cache_write` shares of the prompt, the spreads
    variances of logarithms. `timed`: how many items have a measured time.
    """

    items: int
    calls: int
    output: float
    output_spread: float
    prompt: float
    cache_read: float
    cache_write: float
    seconds: float
    seconds_spread: float
    timed: int

    @property
    def calls_per_item(self) -> float:
        return self.calls / self.items


def past(keys: Iterable[Key], *, simulated: bool) -> dict[Key, Past]:
    """The newest 500 calls of each kind, summed up, in one query. Kinds without a paid call are left out."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    values: dict[str, Any] = {
        "versions": [key.version for key in wanted],
        "tiers": [key.tier for key in wanted],
        "models": [key.model for key in wanted],
        "simulated": simulated,
        "newest": NEWEST,
    }
    with connection.cursor() as cursor:
        cursor.execute(QUERY, values)
        return {Key(*row[:3]): _past(*row[3:]) for row in cursor.fetchall()}


def _past(*row: Any) -> Past:
    items, calls, output, output_spread, prompt, read, written, seconds, seconds_spread, timed = row
    prompt = float(prompt)
    return Past(
        items=items,
        calls=int(calls),
        output=output,
        output_spread=output_spread,
        prompt=prompt / items,
        cache_read=float(read) / prompt if prompt else 0.0,
        cache_write=float(written) / prompt if prompt else 0.0,
        seconds=seconds or 0.0,
        seconds_spread=seconds_spread,
        timed=timed,
    )


@dataclass(frozen=True, slots=True)
class _Expectation:
    tokens: Tokens
    made_at: float
    calls: int

    @property
    def fresh(self) -> bool:
        stands_s = FRESH_S if self.calls >= LEARNING_CALLS else LEARNING_FRESH_S
        return time.monotonic() - self.made_at <= stands_s


_expected: dict[tuple[Key, bool], _Expectation] = {}


def expect_tokens(version_id: UUID, tier: str, model: str) -> Tokens:
    """The tokens that the next call of this kind will probably use. Cheap: the answer is kept for up to 30 s.

    It is the mean of the newest calls, with the usual length of the tier counted as one more call.
    """
    key, simulated = Key(version_id, tier, model), settings.DEMO
    found = _expected.get((key, simulated))
    if found is None or not found.fresh:
        known = past([key], simulated=simulated).get(key)
        found = _Expectation(_tokens(key, known), time.monotonic(), known.calls if known else 0)
        if len(_expected) > 10_000:  # so that a process which runs for years does not grow
            _expected.clear()
        _expected[key, simulated] = found
    return found.tokens


def _tokens(key: Key, found: Past | None) -> Tokens:
    usual = Tokens(TIER_INPUT_TOKENS[key.tier], TIER_OUTPUT_TOKENS[key.tier])
    if found is None:
        return usual
    # Means per call; those of `found` are sums over the calls of an item.
    means = (found.prompt / found.calls_per_item, found.output / found.calls_per_item)
    known = found.calls / (found.calls + PRIOR_CALLS)
    return Tokens(
        *(round(known * mean + (1 - known) * default) for mean, default in zip(means, usual, strict=True))
    )
