"""The plan of a batch of judgements: which conversations are judged, by which rubric, and what that will cost."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import Sum
from django.db.models.functions import Length

from batches.models import BatchItem, BatchJob, GenerationLog
from batches.models.month_so_far import this_month
from batches.models.states import ItemKind
from batches.planning.estimate.asked_models import find_shortcomings
from batches.planning.estimate.budgets import default_budget, limit_funds
from batches.planning.estimate.estimate import Estimate, describe_money, describe_pace
from batches.planning.estimate.forecast import Belief, Part, belief, distance
from batches.planning.estimate.kinds import SECONDS_BEFORE_OUTPUT, SIMULATED_CALL_S, TOKENS_PER_SECOND
from batches.planning.estimate.prompt_sizes import USUAL_PER_BYTE
from batches.planning.estimate.rates import PoolRates, rates_of
from batches.planning.estimate.schedule import Call, duration, duration_within
from batches.planning.plan import LARGEST_PLAN, PlanError
from claude import current_models
from claude.counts import count_bytes
from claude.messages import Request
from conversations.generation import compute_worst_case
from conversations.judging.requests import MOST_TOKENS, build_judge_request
from conversations.judging.rubric import find_rubric
from conversations.models import Conversation, Rubric, Turn
from conversations.versions import read_turns
from lib import clock
from lib.row_problems import RowProblem
from provider import table
from workspaces.models import Workspace

USUAL_OUTPUT_TOKENS = 900  # of a judgement, until there is history
NEWEST = 500  # earlier judgements that are looked at
# Of a turn in the prompt, beside its text: the keys, the role and the number.
BYTES_A_TURN = 45
MILLION = Decimal(1_000_000)


@dataclass(frozen=True, kw_only=True)
class JudgePlan:
    """These versions are judged by this rubric. They are of one workspace and have turns."""

    workspace: Workspace
    rubric: Rubric
    conversations: Sequence[Conversation]


def plan_judging(workspace: Workspace, rubric: Rubric, conversations: Sequence[Conversation]) -> JudgePlan:
    """Raises PlanError for none, for more than fit into a batch, and for those that cannot be judged."""
    problems = []
    if not conversations:
        problems = [RowProblem(None, "", "No conversation with a text is chosen: choose at least one.")]
    elif len(conversations) > LARGEST_PLAN:
        words = f"More than {LARGEST_PLAN:,} match, which do not fit into one batch. Narrow the filter."
        problems = [RowProblem(None, "", words)]
    elif any(each.workspace_id != workspace.pk for each in conversations):
        words = "They belong to different workspaces. Judge those of one workspace at a time."
        problems = [RowProblem(None, "", words)]
    else:
        problems = [
            RowProblem(None, "", f"{each.conversation_id} has no text yet. Generate it first.")
            for each in conversations
            if not each.turn_count
        ]
    if problems:
        raise PlanError(problems)
    return JudgePlan(workspace=workspace, rubric=rubric, conversations=conversations)


def choose_max_tokens() -> int:
    """The most tokens that a judgement may take."""
    return min(MOST_TOKENS, settings.ENVIRONMENT.anthropic_max_tokens)


def estimate_judging(
    plan: JudgePlan, *, concurrency: int | None = None, budget_usd: Decimal | None = None
) -> Estimate:
    """What the judgements will cost and how long they will take, with the model of the settings at the prices of today.

    Raises PlanError, UnknownModel, RetiredModel or UnknownPrice.
    """
    table.refresh()
    sizes = _measure_texts([each.pk for each in plan.conversations])
    longest = max(plan.conversations, key=lambda each: sizes.get(each.pk, 0))
    request = _build_request(plan.rubric, read_longest=longest)
    fixed = count_bytes(request.prompt, request.system) - sizes.get(longest.pk, 0)
    return _estimate(
        plan.workspace,
        request,
        [fixed + sizes.get(each.pk, 0) for each in plan.conversations],
        concurrency=concurrency,
        budget_usd=budget_usd,
    )


def estimate_judging_later(
    workspace: Workspace, rubric: Rubric, *, items: int, output_tokens: int, concurrency: int
) -> Estimate:
    """The same for conversations that are still to be made: so many, of so many tokens altogether."""
    table.refresh()
    request = _build_request(rubric)
    each = math.ceil(output_tokens / USUAL_PER_BYTE / max(1, items))
    bytes_each = count_bytes(request.prompt, request.system) + each
    return _estimate(workspace, request, [bytes_each] * items, concurrency=concurrency)


def estimate_following(workspace: Workspace, *, items: int, output_tokens: int, concurrency: int) -> Estimate:
    """What the judge that follows such a batch will cost, by the newest rubric of the workspace."""
    rubric = find_rubric(workspace)
    return estimate_judging_later(
        workspace, rubric, items=max(1, items), output_tokens=output_tokens, concurrency=concurrency
    )


def add_judge(budget: Decimal | None, judged: Estimate | None) -> Decimal | None:
    """What a batch and the judge that follows it may spend together, in USD."""
    return budget if budget is None or judged is None else budget + judged.default_budget


def _build_request(rubric: Rubric, *, read_longest: Conversation | None = None) -> Request:
    turns = read_turns(read_longest) if read_longest is not None else ()
    model = settings.ENVIRONMENT.anthropic_model
    return build_judge_request(turns, rubric.criteria, model=model, max_tokens=choose_max_tokens())


def _measure_texts(keys: Sequence[UUID]) -> dict[UUID, int]:
    """About how many bytes the turns of each conversation take in the prompt."""
    rows = Turn.objects.filter(conversation__in=keys).order_by().values("conversation_id")
    summed = rows.annotate(bytes=Sum(Length("content") + BYTES_A_TURN))
    return {row["conversation_id"]: row["bytes"] for row in summed}


def _estimate(
    workspace: Workspace,
    request: Request,
    sizes: Sequence[int],
    *,
    concurrency: int | None = None,
    budget_usd: Decimal | None = None,
) -> Estimate:
    """`sizes`: the bytes of each prompt; `request` is that of the longest one."""
    on, model, items = clock.today(), request.model, len(sizes)
    at_once = settings.ENVIRONMENT.max_concurrency if concurrency is None else concurrency
    card = current_models.find_card(model, on)
    output, seconds, known = _look_back(model)
    prompts = [max(1, round(size * USUAL_PER_BYTE)) for size in sizes]
    prices = [current_models.find_price(model, on=on, prompt_tokens=prompt) for prompt in prompts]
    input_cost = sum(
        (price.input * prompt for price, prompt in zip(prices, prompts, strict=True)), Decimal(0)
    )
    output_cost = sum((price.output * round(output.mean) for price in prices), Decimal(0)) / MILLION
    cost = input_cost / MILLION + output_cost
    part = Part(items=items, belief=output, cost=float(output_cost))
    below, above = (Decimal(f"{each:.9f}") for each in distance([part], fixed=float(cost - output_cost)))
    worst = compute_worst_case(request, on=on)
    room, limits = this_month(workspace).room, rates_of(model, workspace.provider_key)
    offered = default_budget(cost + above, worst=worst, in_flight=min(at_once, items), month_room=room)
    funds = limit_funds(offered if budget_usd is None else budget_usd, month_room=room, worst=worst)
    calls = _list_calls(prompts, output, seconds, limits, each_usd=float(cost) / items)
    free = duration(calls, concurrency=at_once, rates=limits.rates, pace=limits.pace)
    time = duration_within(
        funds, free=free, calls=calls, concurrency=at_once, rates=limits.rates, pace=limits.pace
    )
    return Estimate(
        items=items,
        cost=cost,
        cost_low=cost - below,
        cost_high=cost + above,
        worst_item=worst,
        default_budget=offered,
        seconds=round(time.seconds, 1),
        input_tokens=sum(prompts),
        output_tokens=round(output.mean) * items,
        model=model,
        concurrency=at_once,
        requests_per_minute=settings.ENVIRONMENT.rate_limit_rpm,
        basis=_describe_basis(known),
        history=known,
        limited_by=time.limited_by,
        covered=time.covered,
        notes=(
            *find_shortcomings(card),
            *describe_money(time, funds, items=items),
            *describe_pace(limits),
        ),
    )


def _look_back(model: str) -> tuple[Belief, float, int]:
    """The output tokens of a judgement, its seconds, and the number of earlier judgements that this rests on."""
    rows = GenerationLog.objects.filter(template_version=None, model=model, simulated=settings.DEMO)
    paid = rows.filter(output_tokens__gt=0).newest_first()
    found = list(paid.values_list("output_tokens", "duration_ms")[:NEWEST])
    usual_s = (
        SIMULATED_CALL_S if settings.DEMO else SECONDS_BEFORE_OUTPUT + USUAL_OUTPUT_TOKENS / TOKENS_PER_SECOND
    )
    if not found:
        return belief(USUAL_OUTPUT_TOKENS), usual_s, 0
    tokens = [tokens for tokens, _ in found]
    timed = [took / 1000 for _, took in found if took]
    logs = [math.log(each) for each in tokens]
    output = belief(
        USUAL_OUTPUT_TOKENS,
        mean=statistics.fmean(tokens),
        log_variance=statistics.variance(logs) if len(logs) > 1 else 0.0,
        known=len(found),
    )
    return output, statistics.fmean(timed) if timed else usual_s, len(found)


def _list_calls(
    prompts: Sequence[int], output: Belief, seconds: float, limits: PoolRates, *, each_usd: float
) -> list[Call]:
    def take(rate: str, prompt: int) -> float:
        return {"requests": 1.0, "input_tokens": float(prompt), "output_tokens": output.mean}[rate]

    return [
        Call(
            seconds=seconds,
            spread=math.log1p(output.spread),
            takes=tuple(take(rate.name, prompt) for rate in limits.rates),
            cost=each_usd,
        )
        for prompt in prompts
    ]


def _describe_basis(known: int) -> str:
    if not known:
        return (
            "no history yet: the lengths of the texts, and the usual length of a judgement, half more or less"
        )
    return (
        f"from the lengths of the texts and {known:,} earlier judgement{'' if known == 1 else 's'}, "
        "80% of such batches fall in the range"
    )


def freeze_judgements(job: BatchJob, plan: JudgePlan) -> None:
    """Store one queued item for each conversation, in order, under its human id. The caller owns the transaction."""
    BatchItem.objects.bulk_create(
        [
            BatchItem(
                workspace=plan.workspace,
                created_by=job.created_by,
                job=job,
                position=position,
                kind=ItemKind.JUDGEMENT,
                conversation_id=each.conversation_id,
                judges=each,
                topic=each.topic,
                tier=each.tier,
                category=list(each.category),
            )
            for position, each in enumerate(plan.conversations, start=1)
        ],
        batch_size=1_000,
    )
