"""What a plan will cost and how long it will take, before a cent is spent."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import ROUND_UP, Decimal
from typing import Any

from django.conf import settings

from batches.buckets import shape
from batches.planning.history import TIER_OUTPUT_TOKENS
from batches.planning.plan import PlanError, PlannedItem, check
from claude import lineup
from claude.messages import Request, Usage
from conversations.generation import input_tokens, worst_case
from workspaces.rows import RowProblem

# Without history the output is known no better than this.
LOW, HIGH = Decimal("0.5"), Decimal("1.5")
LARGEST_SHARE_OF_MAX_TOKENS = Decimal("0.8")
TOKENS_PER_SECOND = 70  # of a current model, for the time of a call
SIMULATED_CALL_S = 1.1
CENT = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Costs in USD, time in seconds. `cost_low` to `cost_high` is the range, `basis` says where it comes from."""

    items: int
    cost: Decimal
    cost_low: Decimal
    cost_high: Decimal
    worst_item: Decimal
    default_budget: Decimal
    seconds: float
    input_tokens: int
    output_tokens: int
    model: str
    concurrency: int
    requests_per_minute: int
    basis: str
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For storage on the job: money as strings, exactly."""
        return {
            name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(self).items()
        }


def estimate(
    plan: Sequence[PlannedItem], *, model: str, max_tokens: int, concurrency: int, on: date
) -> Estimate:
    """Price and time of a plan. Raises PlanError with all problems, UnknownModel, RetiredModel or UnknownPrice."""
    requests = check(plan, model=model, max_tokens=max_tokens)
    cards = {request.model: lineup.card(request.model, on) for request in requests}
    problems = [*_output_problems(plan, max_tokens), *_limit_problems(cards.values(), max_tokens)]
    if problems:
        raise PlanError(problems)
    return _priced(plan, requests, model=model, concurrency=concurrency, on=on)


def _priced(
    plan: Sequence[PlannedItem], requests: Sequence[Request], *, model: str, concurrency: int, on: date
) -> Estimate:
    low, middle, high = (_cost(plan, requests, share=share, on=on) for share in (LOW, Decimal(1), HIGH))
    worst = max(worst_case(request, on=on) for request in requests)
    output = sum(TIER_OUTPUT_TOKENS[item.tier] for item in plan)
    per_minute = settings.ENVIRONMENT.rate_limit_rpm
    return Estimate(
        items=len(plan),
        cost=middle,
        cost_low=low,
        cost_high=high,
        worst_item=worst,
        default_budget=default_budget(high, worst=worst),
        seconds=_seconds(len(plan), output, concurrency=concurrency, per_minute=per_minute),
        input_tokens=sum(input_tokens(request) for request in requests),
        output_tokens=output,
        model=model,
        concurrency=concurrency,
        requests_per_minute=per_minute,
        basis="no history yet: the real prompts, and the usual length of each tier, half more or less",
        notes=tuple(_notes({request.model for request in requests})),
    )


def _notes(models: set[str]) -> Iterator[str]:
    """Settings that will not be sent, because the model refuses them."""
    if settings.ENVIRONMENT.anthropic_temperature is None:
        return
    for model in sorted(models):
        if not lineup.card(model).takes_temperature:
            yield f"ANTHROPIC_TEMPERATURE is not sent: {model} takes none."


def default_budget(high: Decimal, *, worst: Decimal) -> Decimal:
    """max(1.5 x upper end, upper end + one worst case), up to the next cent.

    Without the second term every job of one item would pause at once.
    """
    return max(high * Decimal("1.5"), high + worst).quantize(CENT, rounding=ROUND_UP)


def _cost(plan: Sequence[PlannedItem], requests: Sequence[Request], *, share: Decimal, on: date) -> Decimal:
    return sum(
        (
            lineup.cost(
                Usage(
                    input_tokens=input_tokens(request),
                    output_tokens=int(TIER_OUTPUT_TOKENS[item.tier] * share),
                ),
                model=request.model,
                on=on,
            )
            for item, request in zip(plan, requests, strict=True)
        ),
        Decimal(0),
    )


def _seconds(items: int, output_tokens: int, *, concurrency: int, per_minute: int) -> float:
    """max(N / concurrency x seconds per call, N / rate): the slower of the two rules, never their minimum."""
    per_call = SIMULATED_CALL_S if settings.DEMO else 2 + output_tokens / items / TOKENS_PER_SECOND
    rounds = -(-items // max(1, concurrency))
    permits = shape(per_minute)
    spaced = max(0.0, items - permits.burst) * permits.interval_s
    return round(max(rounds * per_call, spaced + per_call), 1)


def _output_problems(plan: Sequence[PlannedItem], max_tokens: int) -> list[RowProblem]:
    """A plan whose replies would be cut is refused with the number."""
    expected = {item.tier: TIER_OUTPUT_TOKENS[item.tier] for item in plan}
    return [
        RowProblem(
            None,
            "tier",
            f"Conversations of the tier {tier} take about {tokens} tokens, more than 80% of the {max_tokens} allowed: "
            f"they would be cut. Set ANTHROPIC_MAX_TOKENS to {int(tokens / LARGEST_SHARE_OF_MAX_TOKENS)} or more.",
        )
        for tier, tokens in expected.items()
        if tokens > max_tokens * LARGEST_SHARE_OF_MAX_TOKENS
    ]


def _limit_problems(cards: Any, max_tokens: int) -> list[RowProblem]:
    return [
        RowProblem(
            None,
            "",
            f"The model {card.id} writes at most {card.max_output} tokens; ANTHROPIC_MAX_TOKENS is {max_tokens}. Lower it.",
        )
        for card in cards
        if max_tokens > card.max_output
    ]
