"""What a plan will cost and how long it will take, before a cent is spent."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import ROUND_UP, Decimal
from typing import Any

from django.conf import settings

from batches.planning.estimate.asked_models import cards_of, shortcomings
from batches.planning.estimate.bill import Bill, bill_of
from batches.planning.estimate.forecast import Part, distance
from batches.planning.estimate.history import Key
from batches.planning.estimate.kinds import Kind, keys_of, kinds_of
from batches.planning.estimate.prompt_sizes import Sizes, prompt_sizes
from batches.planning.estimate.rates import rates_of
from batches.planning.estimate.schedule import Call, Duration, duration
from batches.planning.estimate.sharing import shared_prefixes
from batches.planning.plan import PlanError, PlannedItem, check
from claude import current_models
from claude.messages import Request
from conversations.generation import add_cache_mark, worst_case
from lib.row_problems import RowProblem
from provider import table

LARGEST_SHARE_OF_MAX_TOKENS = 0.8
CENT = Decimal("0.01")
LIMITS = {
    "requests": "requests per minute",
    "input_tokens": "input tokens per minute",
    "output_tokens": "output tokens per minute",
}


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Costs in USD, time in seconds. In 80% of such batches the cost is `cost_low` to `cost_high`; `basis` says why.

    `history` is how many items of the past it rests on; `limited_by` is what rules the time.
    `shared`: how much of the prompt of each template version is cached, by which the worst item is the dearer; the cost
    does not count on it.
    """

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
    history: int
    limited_by: str
    notes: tuple[str, ...] = ()
    shared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def limit_words(self) -> str:
        """What makes it slower than its concurrency would, for people; empty when that rules."""
        return f"limited by {LIMITS[self.limited_by]}" if self.limited_by in LIMITS else ""

    def as_json(self) -> dict[str, Any]:
        """For storage on the job: money as strings, exactly."""
        return {
            name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(self).items()
        }


def estimate(
    plan: Sequence[PlannedItem], *, model: str, max_tokens: int, concurrency: int, on: date
) -> Estimate:
    """Price and time of a plan. Raises PlanError with all problems, UnknownModel, RetiredModel or UnknownPrice."""
    table.refresh()
    requests = check(plan, model=model, max_tokens=max_tokens)
    cards = cards_of(plan, requests, on=on)
    keys = keys_of(plan, requests)
    kinds = kinds_of(keys)
    problems = [*_output_problems(kinds.values(), max_tokens), *_limit_problems(cards.values(), max_tokens)]
    if problems:
        raise PlanError(problems)
    sizes = prompt_sizes(plan, requests, keys)
    prompts = sizes.tokens
    time = _duration(keys, kinds, prompts, model=model, concurrency=concurrency)
    shared = shared_prefixes(plan, requests, seconds=time.seconds, concurrency=concurrency, on=on)
    asked = [
        add_cache_mark(each, shared, version_id=item.version.pk)
        for item, each in zip(plan, requests, strict=True)
    ]
    worst = _worst(asked, prompts, on=on)
    bills = bill_of(keys, kinds, prompts, cached=shared.keys(), on=on)
    cost = sum((bill.cost for bill in bills.values()), Decimal(0))
    below, above = _distance(kinds, bills)
    return Estimate(
        items=len(plan),
        cost=cost,
        cost_low=cost - below,
        cost_high=cost + above,
        worst_item=worst,
        default_budget=default_budget(cost + above, worst=worst),
        seconds=round(time.seconds + _warming_s(kinds, shared), 1),
        input_tokens=sum(bill.input_tokens for bill in bills.values()),
        output_tokens=sum(bill.output_tokens for bill in bills.values()),
        model=model,
        concurrency=concurrency,
        requests_per_minute=settings.ENVIRONMENT.rate_limit_rpm,
        basis=f"{basis(kinds.values())}; {_counted(sizes)}",
        history=sum(kind.known for kind in kinds.values()),
        limited_by=time.limited_by,
        shared=shared,
        notes=tuple(_notes({request.model for request in requests})),
    )


def _warming_s(kinds: Mapping[Key, Kind], shared: Mapping[str, Any]) -> float:
    """The first call of a version that is cached goes alone; those of several versions go at once."""
    return max((kind.seconds.mean for kind in kinds.values() if str(kind.key.version) in shared), default=0.0)


def _worst(requests: Sequence[Request], prompts: Sequence[int], *, on: date) -> Decimal:
    """The dearest call: of each model, cached or not, the one with the longest prompt."""
    longest: dict[tuple[str, str], int] = {}
    for place, request in enumerate(requests):
        kind = (request.model, request.lifetime)
        if prompts[place] >= prompts[longest.setdefault(kind, place)]:
            longest[kind] = place
    return max(worst_case(requests[place], on=on) for place in longest.values())


def _distance(kinds: dict[Key, Kind], bills: dict[Key, Bill]) -> tuple[Decimal, Decimal]:
    parts = [
        Part(items=kinds[key].items, belief=kinds[key].output, cost=float(bill.output_cost))
        for key, bill in bills.items()
    ]
    fixed = sum(float(bill.input_cost) for bill in bills.values())
    below, above = distance(parts, fixed=fixed)
    return Decimal(f"{below:.9f}"), Decimal(f"{above:.9f}")


def _duration(
    keys: Sequence[Key], kinds: dict[Key, Kind], prompts: Sequence[int], *, model: str, concurrency: int
) -> Duration:
    rates = rates_of(model)
    calls = [
        Call(
            seconds=kinds[key].seconds.mean,
            spread=kinds[key].seconds_spread,
            takes=tuple(kinds[key].takes(rate.name, prompt=prompt) for rate in rates),
        )
        for key, prompt in zip(keys, prompts, strict=True)
    ]
    return duration(calls, concurrency=concurrency, rates=rates)


def basis(kinds: Iterable[Kind]) -> str:
    """Where an estimate comes from, in words."""
    known = [kind for kind in kinds if kind.known]
    unknown = [kind for kind in kinds if not kind.known]
    if not known:
        return "no history yet: the real prompts, and the usual length of each tier, half more or less"
    number = sum(kind.known for kind in known)
    templates = len({kind.key.version for kind in known})
    words = (
        f"from {number:,} conversation{'' if number == 1 else 's'} of "
        f"{'this template' if templates == 1 and not unknown else _templates(templates)}, "
        "80% of such batches fall in the range"
    )
    if unknown:
        rest = len({kind.key.version for kind in unknown})
        words += (
            f"; {_templates(rest)} without history count with their tier's usual length, half more or less"
        )
    return words


def _counted(sizes: Sizes) -> str:
    if sizes.counted == sizes.kinds:
        return "prompts as the provider counts them"
    if sizes.counted:
        return f"prompts of {sizes.counted} of {sizes.kinds} templates as the provider counts them, the others by their length"
    return "prompts by their length, a little high"


def _templates(number: int) -> str:
    return f"{number} template{'' if number == 1 else 's'}"


def _notes(models: set[str]) -> Iterator[str]:
    """Settings that will not be sent, because the model refuses them, and what the models cannot do."""
    for model in sorted(models):
        yield from shortcomings(current_models.find_card(model))
    if settings.ENVIRONMENT.anthropic_temperature is None:
        return
    for model in sorted(models):
        if not current_models.find_card(model).takes_temperature:
            yield f"ANTHROPIC_TEMPERATURE is not sent: {model} takes none."


def default_budget(high: Decimal, *, worst: Decimal) -> Decimal:
    """max(1.5 x upper end, upper end + one worst case), up to the next cent.

    Without the second term every job of one item would pause at once.
    """
    return max(high * Decimal("1.5"), high + worst).quantize(CENT, rounding=ROUND_UP)


def _output_problems(kinds: Iterable[Kind], max_tokens: int) -> list[RowProblem]:
    """A plan whose replies would be cut is refused with the number."""
    longest: dict[str, float] = {}
    for kind in kinds:
        longest[kind.key.tier] = max(longest.get(kind.key.tier, 0), kind.output.mean / kind.calls)
    return [
        RowProblem(
            None,
            "tier",
            f"Conversations of the tier {tier} take about {tokens:.0f} tokens, more than 80% of the {max_tokens} allowed: "
            f"they would be cut. Set ANTHROPIC_MAX_TOKENS to {int(tokens / LARGEST_SHARE_OF_MAX_TOKENS)} or more.",
        )
        for tier, tokens in longest.items()
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
