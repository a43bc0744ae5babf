"""What a plan will cost and how long it will take, before a cent is spent."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from batches.models.month_so_far import this_month
from batches.planning.estimate.asked_models import cards_of, find_shortcomings
from batches.planning.estimate.bill import Bill, bill_of
from batches.planning.estimate.budgets import default_budget, limit_funds
from batches.planning.estimate.forecast import Part, distance
from batches.planning.estimate.history import Key
from batches.planning.estimate.kinds import Kind, keys_of, kinds_of
from batches.planning.estimate.prompt_sizes import Sizes, prompt_sizes
from batches.planning.estimate.prompts import measure_prompts
from batches.planning.estimate.rates import PoolRates, find_unknown_limits, rates_of
from batches.planning.estimate.schedule import Call, Duration, Funds, duration, duration_within
from batches.planning.estimate.sharing import find_shared_prefixes
from batches.planning.plan import PlanError, PlannedItem
from claude import current_models
from claude.counts import bound_bytes
from claude.current_models import RetiredModel, UnknownModel, UnknownPrice
from lib import clock
from lib.amounts import format_number
from lib.row_problems import RowProblem
from provider import table

# What keeps a plan from being priced, and with it from being started.
CANNOT_PRICE = (PlanError, UnknownModel, RetiredModel, UnknownPrice)
LARGEST_SHARE_OF_MAX_TOKENS = 0.8
LIMITS = {
    "budget": "the budget",
    "month": "the month’s budget",
    "requests": "requests per minute",
    "input_tokens": "input tokens per minute",
    "output_tokens": "output tokens per minute",
}


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a plan will cost and how long it will take. Costs in USD, time in seconds.

    In 80% of such batches the cost is between `cost_low` and `cost_high`; `basis` says in words what this rests on, and
    `history` on how many earlier items. `limited_by` is what decides the time: `concurrency`, a rate limit, or the money,
    which covers `covered` of the items. `item_costs`: by `name_kind`, what one item will cost. `shared`: by template
    version, how many characters of the prompt are cached and for how long. A cache write makes the worst item dearer; the
    cost assumes no saving without history.
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
    covered: int
    notes: tuple[str, ...] = ()
    item_costs: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def limit_words(self) -> str:
        """The rate limit that decides the time, in words. Empty when the concurrency decides."""
        return f"limited by {LIMITS[self.limited_by]}" if self.limited_by in LIMITS else ""

    def as_json(self) -> dict[str, Any]:
        """The estimate as JSON, as it is stored on the job. Money is text, so that it stays exact."""
        return {
            name: format_number(value) if isinstance(value, Decimal) else value
            for name, value in asdict(self).items()
        }


def name_kind(version: UUID, tier: str) -> str:
    """The key of a kind of items in `Estimate.item_costs`."""
    return f"{version} {tier}"


def estimate_now(
    plan: Sequence[PlannedItem], *, concurrency: int | None = None, budget_usd: Decimal | None = None
) -> Estimate:
    """`estimate` with the model and the token limit of the settings, at the prices of today.

    Without a concurrency it is the highest that the settings allow. Raises one of `CANNOT_PRICE`.
    """
    environment = settings.ENVIRONMENT
    return estimate(
        plan,
        model=environment.anthropic_model,
        max_tokens=environment.anthropic_max_tokens,
        concurrency=environment.max_concurrency if concurrency is None else concurrency,
        on=clock.today(),
        budget_usd=budget_usd,
    )


def estimate(
    plan: Sequence[PlannedItem],
    *,
    model: str,
    max_tokens: int,
    concurrency: int,
    on: date,
    budget_usd: Decimal | None = None,
) -> Estimate:
    """Estimate the cost and the time of a plan with this budget, by default the one that it offers.

    It knows what the workspace's month has left, and how far refusals have slowed the provider lately. Raises PlanError
    with all problems, UnknownModel, RetiredModel or UnknownPrice.
    """
    table.refresh()
    asked = measure_prompts(plan, model=model, max_tokens=max_tokens)
    cards = cards_of(plan, asked.models, on=on)
    keys = keys_of(plan, asked.models)
    kinds = kinds_of(keys)
    problems = [*_output_problems(kinds.values(), max_tokens), *_limit_problems(cards.values(), max_tokens)]
    if problems:
        raise PlanError(problems)
    sizes = prompt_sizes(plan, asked.sizes, keys)
    prompts = sizes.tokens
    workspace = plan[0].version.workspace
    limits = rates_of(model, workspace.provider_key)
    calls = _calls(keys, kinds, prompts, limits)
    time = duration(calls, concurrency=concurrency, rates=limits.rates, pace=limits.pace)
    shared = find_shared_prefixes(
        plan, asked.beginnings, seconds=time.seconds, concurrency=concurrency, on=on
    )
    worst = _find_worst(keys, asked.sizes, prompts, shared, max_tokens=max_tokens, on=on)
    bills = bill_of(keys, kinds, prompts, cached=shared.keys(), on=on)
    cost = sum((bill.cost for bill in bills.values()), Decimal(0))
    below, above = _distance(kinds, bills)
    item_costs = {key: bill.cost / kinds[key].items for key, bill in bills.items()}
    room = this_month(workspace).room
    offered = default_budget(
        cost + above, worst=worst, in_flight=min(concurrency, len(plan)), month_room=room
    )
    funds = limit_funds(offered if budget_usd is None else budget_usd, month_room=room, worst=worst)
    priced = [replace(call, cost=float(item_costs[key])) for key, call in zip(keys, calls, strict=True)]
    time = duration_within(
        funds, free=time, calls=priced, concurrency=concurrency, rates=limits.rates, pace=limits.pace
    )
    return Estimate(
        items=len(plan),
        cost=cost,
        cost_low=cost - below,
        cost_high=cost + above,
        worst_item=worst,
        default_budget=offered,
        seconds=round(time.seconds + _warming_s(kinds, shared), 1),
        input_tokens=sum(bill.input_tokens for bill in bills.values()),
        output_tokens=sum(bill.output_tokens for bill in bills.values()),
        model=model,
        concurrency=concurrency,
        requests_per_minute=settings.ENVIRONMENT.rate_limit_rpm,
        basis=f"{basis(kinds.values())}; {_describe_counting(sizes)}",
        history=sum(kind.known for kind in kinds.values()),
        limited_by=time.limited_by,
        covered=time.covered,
        shared=shared,
        item_costs={name_kind(key.version, key.tier): str(each) for key, each in item_costs.items()},
        notes=(
            *_notes(set(asked.models)),
            *describe_money(time, funds, items=len(plan)),
            *describe_pace(limits),
        ),
    )


def _warming_s(kinds: Mapping[Key, Kind], shared: Mapping[str, Any]) -> float:
    """Seconds for the call that goes first to write the prompt cache. Those of several template versions run side by side."""
    return max((kind.seconds.mean for kind in kinds.values() if str(kind.key.version) in shared), default=0.0)


def _find_worst(
    keys: Sequence[Key],
    sizes: Sequence[int],
    prompts: Sequence[int],
    shared: Mapping[str, Mapping[str, Any]],
    *,
    max_tokens: int,
    on: date,
) -> Decimal:
    """The worst case of the dearest call in USD. For each model and cache lifetime that is the one with the longest prompt.

    `sizes` and `prompts`: the bytes and the tokens of each prompt.
    """
    longest: dict[tuple[str, str], int] = {}
    for place, key in enumerate(keys):
        marked = shared.get(str(key.version))
        kind = (key.model, marked["lifetime"] if marked else "")
        if prompts[place] >= prompts[longest.setdefault(kind, place)]:
            longest[kind] = place
    return max(
        current_models.compute_worst_case(
            model=model,
            input_tokens=bound_bytes(sizes[place]),
            max_tokens=max_tokens,
            on=on,
            lifetime=lifetime,
        )
        for (model, lifetime), place in longest.items()
    )


def _distance(kinds: dict[Key, Kind], bills: dict[Key, Bill]) -> tuple[Decimal, Decimal]:
    parts = [
        Part(items=kinds[key].items, belief=kinds[key].output, cost=float(bill.output_cost))
        for key, bill in bills.items()
    ]
    fixed = sum(float(bill.input_cost) for bill in bills.values())
    below, above = distance(parts, fixed=fixed)
    return Decimal(f"{below:.9f}"), Decimal(f"{above:.9f}")


def _calls(
    keys: Sequence[Key], kinds: dict[Key, Kind], prompts: Sequence[int], limits: PoolRates
) -> list[Call]:
    return [
        Call(
            seconds=kinds[key].seconds.mean,
            spread=kinds[key].seconds_spread,
            takes=tuple(kinds[key].takes(rate.name, prompt=prompt) for rate in limits.rates),
        )
        for key, prompt in zip(keys, prompts, strict=True)
    ]


def basis(kinds: Iterable[Kind]) -> str:
    """What an estimate rests on, in words."""
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


def _describe_counting(sizes: Sizes) -> str:
    if sizes.counted == sizes.kinds:
        return "prompts as the provider counts them"
    if sizes.counted:
        return f"prompts of {sizes.counted} of {sizes.kinds} templates as the provider counts them, the others by their length"
    return "prompts by their length, a little high"


def _templates(number: int) -> str:
    return f"{number} template{'' if number == 1 else 's'}"


def _notes(models: set[str]) -> Iterator[str]:
    """Sentences about what the models cannot do, about limits that nobody knows, and about settings that a model refuses."""
    for model in sorted(models):
        yield from find_shortcomings(current_models.find_card(model))
    yield from find_unknown_limits()
    if settings.ENVIRONMENT.anthropic_temperature is None:
        return
    for model in sorted(models):
        if not current_models.find_card(model).takes_temperature:
            yield f"ANTHROPIC_TEMPERATURE is not sent: {model} takes none."


def describe_money(time: Duration, funds: Funds, *, items: int) -> Iterator[str]:
    """What the budget, or what is left of the month's, does to the batch."""
    names = {
        "budget": f"The budget of ${funds.room:.2f}",
        "month": f"What is left of the month’s budget, ${funds.room:.2f},",
    }
    if time.covered == 0:
        yield f"{names[funds.name]} does not cover one call, which can cost up to ${funds.worst:.2f}: nothing will be made."
    elif time.covered < items:
        yield f"{names[funds.name]} covers about {time.covered} of the {items}: the batch pauses then."
    elif time.limited_by == funds.name:
        yield (
            f"{names[funds.name]} leaves room for fewer calls at once: each sets aside up to ${funds.worst:.2f} "
            "until its reply has come."
        )


def describe_pace(limits: PoolRates) -> Iterator[str]:
    """What refusals of the provider have left behind."""
    if limits.pace.wait_s >= 1:
        yield f"The provider asks to wait: nothing starts for {limits.pace.wait_s:.0f} s."
    if limits.pace.share < 1:
        yield (
            f"The provider has asked to slow down: calls start at {limits.pace.share:.0%} of the rate limit, and 10% more each "
            "minute."
        )


def _output_problems(kinds: Iterable[Kind], max_tokens: int) -> list[RowProblem]:
    """Tiers whose replies would probably be cut off by `max_tokens`, with the number that would be enough."""
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
