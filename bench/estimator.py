"""How accurate the estimates are: `python -m bench.estimator [--jobs 50] [--seed 1] [--no-engine]`.

It makes seeded jobs: mixes of tiers, concurrency 1 to 10, limits that matter or not, output spread 0.15, 0.3 and 0.45. Each job has its
own true values (`bench/support/truth.py`). Conversations drawn from them are written as log rows, and `estimate` knows nothing else. The job
then runs in virtual time. The same jobs without history are the cold start. At the end the real engine runs three jobs.
"""

import argparse
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from bench.support.outcomes import Outcome, summary, table
from bench.support.stack import Servers, run_servers
from bench.support.truth import Bucket, Limits, Made, World, play
from lib import clock

if TYPE_CHECKING:
    from batches.models import BatchJob
    from batches.planning.estimate.estimate import Estimate
    from batches.planning.plan import PlannedItem
    from workspaces.models import User

MODEL = "claude-sonnet-5-5"
SPREADS = (0.15, 0.3, 0.45)
HISTORIES = (20, 30, 45, 80, 150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-engine", action="store_true")
    given = parser.parse_args()
    began = time.monotonic()
    with run_servers(environment={"LORAPIPE_MAX_CONCURRENCY": "10"}) as servers:
        warm, cold = virtual(given.jobs, seed=given.seed)
        table(warm)
        good = summary("with history", warm, judged=True)
        summary("cold start", cold, judged=False)
        if not given.no_engine:
            real = run_by_engine(servers)
            table(real)
            summary("by the real engine", real, judged=False)
    print(f"\n{time.monotonic() - began:.0f} s in all")
    sys.exit(0 if good else 1)


# --- in virtual time ----------------------------------------------------------------------------------------


def virtual(jobs: int, *, seed: int) -> tuple[list[Outcome], list[Outcome]]:
    from django.test import override_settings  # noqa: PLC0415  Django is set up by now

    user = bench_user()
    plan = starter(user)
    # Not a demo: a real model's usual speed, and history that is not simulated. Nothing is called.
    with override_settings(DEMO=False, CLAUDE_BASE_URL=None, CLAUDE_API_KEY="sk-bench"):
        found = [one_job(user, plan, random.Random(f"{seed}/{number}"), number) for number in range(jobs)]
    return [warm for warm, _ in found], [cold for _, cold in found]


def one_job(
    user: "User", starter_items: "Sequence[PlannedItem]", chance: random.Random, number: int
) -> tuple[Outcome, Outcome]:
    from batches.planning.estimate.history import TIER_OUTPUT_TOKENS  # noqa: PLC0415

    plan, mix = draw_plan(starter_items, chance)
    spread, history = SPREADS[number % 3], chance.choice(HISTORIES)
    concurrency = chance.randint(1, 10)
    usual = {item.version.pk: TIER_OUTPUT_TOKENS[item.tier] for item in plan}
    world = World(chance, spread=spread, usual=usual)
    limits = draw_limits(chance, world, concurrency)
    past = [
        (item, world.item(item.version.pk, prompt=prompt_tokens(item)))
        for item in [chance.choice(plan) for _ in range(history)]
    ]
    with apply_limits(limits), roll_back():
        cold = price_plan(plan, concurrency)
        remember(user, past)
        warm = price_plan(plan, concurrency)
    made = [world.item(item.version.pk, prompt=prompt_tokens(item)) for item in plan]
    seconds = play_job(made, limits, concurrency=concurrency, chance=chance, expected=find_mean_output(past))
    cost = cost_of(call for calls in made for call in calls)
    name = f"{len(plan)} {mix}, {concurrency} at once, {limits.requests}/min"
    name += f", {limits.output_tokens // 1000}k out/min" if limits.output_tokens else ""
    both = [
        Outcome(name=name, spread=spread, history=known, said=said, cost=cost, seconds=seconds)
        for known, said in ((history, warm), (0, cold))
    ]
    return both[0], both[1]


def draw_plan(items: "Sequence[PlannedItem]", chance: random.Random) -> tuple["list[PlannedItem]", str]:
    """A plan of one to three tiers, with some of the templates of each."""
    from batches.planning.plan import cut  # noqa: PLC0415

    tiers = chance.sample(["template", "scenario", "edge_case"], chance.randint(1, 3))
    pool = [item for item in items if item.tier in tiers]
    versions = sorted({item.version.pk for item in pool})
    kept = set(chance.sample(versions, chance.randint(1, len(versions))))
    pool = [item for item in pool if item.version.pk in kept]
    plan = cut([chance.choice(pool) for _ in range(chance.randint(8, 120))], limit=None, seed=None)
    counts = Counter(item.tier for item in plan)
    return plan, "/".join(f"{counts[tier]}{tier[0]}" for tier in sorted(counts))


def draw_limits(chance: random.Random, world: World, concurrency: int) -> Limits:
    """Rate limits: in a third of the jobs none matters, in a third that of requests, in a third that of output tokens."""
    mean = statistics.fmean(world.mean.values())
    natural = 60 * concurrency / (world.before_output_s + mean / world.tokens_per_second)
    kind = chance.randrange(3)
    share = chance.uniform(0.4, 0.9)
    if kind == 0:
        return Limits(requests=1000)
    if kind == 1:
        return Limits(requests=max(2, round(natural * share)))
    return Limits(requests=1000, output_tokens=round(natural * share * mean))


@contextmanager
def apply_limits(limits: Limits) -> Iterator[None]:
    """Set these limits in the settings and in the limiter's rows, until the block ends."""
    from django.conf import settings  # noqa: PLC0415
    from django.test import override_settings  # noqa: PLC0415

    from batches.limits.pools import pool_of  # noqa: PLC0415
    from batches.models import RateLimit  # noqa: PLC0415

    environment = replace(settings.ENVIRONMENT, rate_limit_rpm=limits.requests)
    with override_settings(ENVIRONMENT=environment):
        RateLimit.objects.all().delete()
        if limits.output_tokens:
            bucket = token_bucket(limits.output_tokens)
            RateLimit.objects.create(
                pool=pool_of(MODEL),
                dimension="output_tokens",
                per_minute=limits.output_tokens,
                configured=limits.output_tokens,
                burst=bucket.burst,
                interval_s=bucket.interval_s,
            )
        yield


def token_bucket(per_minute: int) -> Bucket:
    from batches.limits.token_buckets import token_shape  # noqa: PLC0415

    found = token_shape(per_minute)
    return Bucket(found.burst, found.interval_s)


@contextmanager
def roll_back() -> Iterator[None]:
    from django.db import transaction  # noqa: PLC0415

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def price_plan(plan: "Sequence[PlannedItem]", concurrency: int) -> "Estimate":
    from batches.planning.estimate.estimate import estimate  # noqa: PLC0415

    return estimate(plan, model=MODEL, max_tokens=64_000, concurrency=concurrency, on=today())


def remember(user: "User", past: "Sequence[tuple[PlannedItem, list[Made]]]") -> None:
    """Store a history as the engine would have: an item, and a log row for each of its calls."""
    from batches.models import BatchItem, GenerationLog  # noqa: PLC0415

    job = make_finished_job(user, len(past))
    items = [
        BatchItem(
            workspace=job.workspace,
            job=job,
            position=place,
            conversation_id=f"fp_past_{place}",
            template_version=item.version,
            tier=item.tier,
        )
        for place, (item, _) in enumerate(past, start=1)
    ]
    BatchItem.objects.bulk_create(items)
    GenerationLog.objects.bulk_create(
        GenerationLog(
            workspace=job.workspace,
            job=job,
            item=item,
            template_version=planned.version,
            tier=planned.tier,
            attempt=number,
            state="succeeded" if call.usable else "unusable",
            pool="bench:x",
            model=MODEL,
            max_tokens=64_000,
            reservation_usd=1,
            cost_usd=cost_of([call]),
            price_version="bench",
            deadline=datetime.now(UTC),
            simulated=False,
            request_payload={},
            input_tokens=call.prompt,
            output_tokens=call.output,
            duration_ms=round(call.seconds * 1000),
        )
        for item, (planned, calls) in zip(items, past, strict=True)
        for number, call in enumerate(calls, start=1)
    )


def make_finished_job(user: "User", items: int) -> "BatchJob":
    from batches.models import BatchJob  # noqa: PLC0415

    return BatchJob.objects.create(
        workspace=user.personal_workspace(),
        name="past",
        status="completed",
        model=MODEL,
        max_tokens=64_000,
        concurrent_processing=1,
        budget_usd=1,
        total_items=items,
        completed_items=items,
    )


def play_job(
    made: Sequence[Sequence[Made]],
    limits: Limits,
    *,
    concurrency: int,
    chance: random.Random,
    expected: float,
) -> float:
    from batches.limits.token_buckets import shape  # noqa: PLC0415

    permits = shape(limits.requests)
    return play(
        made,
        concurrency=concurrency,
        requests=Bucket(permits.burst, permits.interval_s),
        output=token_bucket(limits.output_tokens) if limits.output_tokens else None,
        expected=expected,
        chance=chance,
    )


def find_mean_output(past: "Sequence[tuple[PlannedItem, list[Made]]]") -> float:
    return statistics.fmean(call.output for _, calls in past for call in calls)


_prompts: dict[tuple[UUID, str], int] = {}


def prompt_tokens(item: "PlannedItem") -> int:
    """The tokens of a prompt as current models count them: 2.5 characters a token, and those of the reply's format."""
    request = item.request(model=MODEL, max_tokens=1)
    key = (item.version.pk, request.prompt)
    if key not in _prompts:
        _prompts[key] = round(len(request.prompt + request.system) / 2.5) + 320
    return _prompts[key]


def cost_of(calls: "Iterator[Made] | Sequence[Made]") -> Decimal:
    from claude import current_models  # noqa: PLC0415
    from claude.messages import Usage  # noqa: PLC0415

    return sum(
        (
            current_models.compute_cost(
                Usage(input_tokens=call.prompt, output_tokens=call.output), model=MODEL, on=today()
            )
            for call in calls
        ),
        Decimal(0),
    )


def today() -> date:
    return clock.today()


# --- by the real engine ---------------------------------------------------------------------------------------

# Items, concurrency, requests a minute. The first job is the history, the others are compared with their estimates.
ENGINE_JOBS = ((20, 10, 600), (12, 3, 600), (45, 10, 600), (40, 10, 120))


def run_by_engine(servers: Servers) -> list[Outcome]:
    """Run real jobs against the simulator, each estimated before its start. The first one is the history of the others."""
    from bench.support.jobs import start_job  # noqa: PLC0415
    from tests.support.engine import fresh_engine, wait_for_end  # noqa: PLC0415

    found = []
    servers.simulator.options(latency=1.0, jitter=0.2, rpm=None, burst=None)
    for number, (items, concurrency, per_minute) in enumerate(ENGINE_JOBS):
        logs = Path(servers.folder) / f"engine-{number}"
        logs.mkdir()
        with (
            apply_limits(Limits(requests=per_minute)),
            fresh_engine(
                servers.simulator.url,
                logs,
                LORAPIPE_TIME_SCALE="1",
                RATE_LIMIT_RPM=str(per_minute),
            ) as engine,
        ):
            engine.start(slots=16)
            job = start_job(items=items, concurrency=concurrency, per_minute=per_minute)
            said = read_estimate(job)
            job = wait_for_end(job, seconds=120)
        assert job.started_at is not None
        assert job.completed_at is not None
        found.append(
            Outcome(
                name=f"{items} items, {concurrency} at once, {per_minute}/min",
                spread=0.0,
                history=said.history,
                said=said,
                cost=job.spent,
                seconds=(job.completed_at - job.started_at).total_seconds(),
            )
        )
    return found


def read_estimate(job: "BatchJob") -> "Estimate":
    """The estimate that the job was started with."""
    from batches.planning.estimate.estimate import Estimate  # noqa: PLC0415

    money = ("cost", "cost_low", "cost_high", "worst_item", "default_budget")
    return Estimate(**{**job.estimate, **{name: Decimal(job.estimate[name]) for name in money}})


def bench_user() -> "User":
    from templates_app.packs.installing import install_pack  # noqa: PLC0415
    from workspaces.models import User  # noqa: PLC0415

    user: User = User.objects.create_user("bench")
    install_pack(user.personal_workspace())
    return user


def starter(user: "User") -> "list[PlannedItem]":
    from batches.planning.plan import starter_plan  # noqa: PLC0415

    return starter_plan(user.personal_workspace())


if __name__ == "__main__":
    main()
