"""What each model accepts and costs. Written from the API's documentation (November 2026), not from `claude.current_models`.

It is a second, independent table: a wrong price or rule in the client shows up as a difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from claude.simulator.rules.rejection import Rejection, invalid

EFFORTS = ("low", "medium", "high", "xhigh", "max")
SAMPLING = ("temperature", "top_p", "top_k")
MILLION = Decimal(1_000_000)
NANO = Decimal("0.000000001")


@dataclass(frozen=True, kw_only=True)
class Rates:
    """USD per million tokens."""

    input: Decimal
    output: Decimal
    write_5m: Decimal
    write_1h: Decimal
    read: Decimal


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One model: its limits, what it refuses and what it costs. `long`: the rates above `long_from` prompt tokens."""

    pool: str
    rates: Rates
    long: Rates | None = None
    long_from: int = 0
    context: int = 1_000_000
    max_output: int = 128_000
    chars_per_token: float = 2.5
    cache_minimum: int = 512
    thinks: bool = True
    sampling: Literal["free", "default", "haiku"] = "default"
    prefill: bool = False
    budget: bool = False
    adaptive: bool = True
    disabled: Literal["yes", "up_to_high", "no"] = "no"
    between_tools: bool = False
    forced_tools: bool = True
    efforts: tuple[str, ...] = EFFORTS
    system_turns: bool = False
    retires: date | None = None
    alias_of: str | None = None


def _rates(low: str, high: str, read: str = "0.1") -> Rates:
    """Rates from input and output. A cache write costs 1.25 (5 minutes) or 2 (an hour) times the input, a read `read` times."""
    base = Decimal(low)
    return Rates(
        input=base,
        output=Decimal(high),
        write_5m=base * Decimal("1.25"),
        write_1h=base * 2,
        read=base * Decimal(read),
    )


_V45 = Facts(
    pool="",
    rates=_rates("0", "0"),
    context=200_000,
    max_output=64_000,
    chars_per_token=3.4,
    cache_minimum=4096,
    thinks=False,
    sampling="free",
    prefill=True,
    budget=True,
    adaptive=False,
    disabled="yes",
    efforts=(),
)
_V46 = replace(
    _V45,
    context=1_000_000,
    max_output=128_000,
    prefill=False,
    adaptive=True,
    efforts=("low", "medium", "high", "max"),
)
_V47 = replace(
    _V46, chars_per_token=2.5, cache_minimum=2048, sampling="default", budget=False, efforts=EFFORTS
)
_V5 = Facts(pool="", rates=_rates("0", "0"), disabled="yes")
_ALWAYS = replace(_V5, disabled="no", forced_tools=False, system_turns=True)
_FABLE = replace(_ALWAYS, pool="fable-5")
_MYTHOS = replace(_ALWAYS, pool="mythos-5")  # for verified organizations, and the simulated one is

_SONNET_45 = replace(
    _V45, pool="sonnet-4", cache_minimum=1024, rates=_rates("3", "15"), retires=date(2026, 11, 30)
)
_OPUS_45 = replace(_V45, pool="opus-4", rates=_rates("5", "25"), efforts=EFFORTS[:3])
_HAIKU_45 = replace(_V45, pool="haiku-4-5", rates=_rates("1", "5"))

MODELS: Mapping[str, Facts] = {
    "claude-fable-5-2": replace(_FABLE, rates=_rates("8", "40", "0.025")),
    "claude-fable-5-1": replace(_FABLE, rates=_rates("10", "50", "0.025")),
    "claude-fable-5": replace(_FABLE, rates=_rates("10", "50"), forced_tools=True),
    "claude-mythos-5-2": replace(_MYTHOS, rates=_rates("8", "40", "0.025")),
    "claude-mythos-5-1": replace(_MYTHOS, rates=_rates("10", "50", "0.025")),
    "claude-mythos-5": replace(_MYTHOS, rates=_rates("10", "50")),
    "claude-opus-5-5": replace(_ALWAYS, pool="opus-5-5", rates=_rates("4", "20", "0.05")),
    "claude-opus-5": replace(
        _V5, pool="opus-5", rates=_rates("5", "25"), disabled="up_to_high", system_turns=True
    ),
    "claude-opus-4-8": replace(
        _V47, pool="opus-4", cache_minimum=1024, rates=_rates("5", "25"), system_turns=True
    ),
    "claude-opus-4-7": replace(_V47, pool="opus-4", rates=_rates("5", "25")),
    "claude-opus-4-6": replace(_V46, pool="opus-4", rates=_rates("5", "25")),
    "claude-opus-4-5-20251101": _OPUS_45,
    "claude-opus-4-5": replace(_OPUS_45, alias_of="claude-opus-4-5-20251101"),
    "claude-sonnet-5-5": replace(
        _V5,
        pool="sonnet-5-5",
        rates=_rates("2", "10", "0.05"),
        disabled="no",
        between_tools=True,
        forced_tools=False,
        system_turns=True,
    ),
    "claude-sonnet-5": replace(_V5, pool="sonnet-5", cache_minimum=1024, rates=_rates("2", "10")),
    "claude-sonnet-4-6": replace(_V46, pool="sonnet-4", cache_minimum=1024, rates=_rates("3", "15")),
    "claude-sonnet-4-5-20250929": _SONNET_45,
    "claude-sonnet-4-5": replace(_SONNET_45, alias_of="claude-sonnet-4-5-20250929"),
    "claude-haiku-5-5": replace(
        _V5,
        pool="haiku-5-5",
        rates=_rates("0.10", "0.50"),
        long=_rates("0.50", "2.50"),
        long_from=100_000,
        sampling="haiku",
        disabled="up_to_high",
    ),
    "claude-haiku-4-5-20251001": _HAIKU_45,
    "claude-haiku-4-5": replace(_HAIKU_45, alias_of="claude-haiku-4-5-20251001"),
}


# Any other name, on a server that accepts every name: such a model refuses little and costs nothing.
OTHER = replace(_V45, pool="other", cache_minimum=10**9, efforts=EFFORTS, adaptive=True)


def facts(model: str, *, today: date, any_model: bool = False) -> Facts:
    """The facts of a model. Raises a 404 for an unknown or retired one, as the real API does."""
    known = MODELS.get(model)
    if known is None and any_model:
        return OTHER
    if known is None or (known.retires is not None and today >= known.retires):
        raise Rejection(404, f"model: {model}")
    return known


def bill(
    known: Facts,
    *,
    input_tokens: int,
    output_tokens: int,
    write_5m: int = 0,
    write_1h: int = 0,
    read: int = 0,
    geo: str | None = None,
) -> Decimal:
    """The cost in USD with nine decimals, exactly. The whole prompt decides the price step; inference in the US costs 10% more."""
    prompt = input_tokens + write_5m + write_1h + read
    rates = known.long if known.long and prompt > known.long_from else known.rates
    cost = (
        rates.input * input_tokens
        + rates.output * output_tokens
        + rates.write_5m * write_5m
        + rates.write_1h * write_1h
        + rates.read * read
    ) / MILLION
    return (cost * (Decimal("1.1") if geo == "us" else 1)).quantize(NANO)


def check(body: Mapping[str, Any], known: Facts, *, version: str) -> None:
    """400 for what this model, or this version of the API, refuses."""
    _check_sampling(body, known, version=version)
    _check_thinking(body, known)
    _check_effort(body, known)
    _check_tool_choice(body, known)
    _check_last_turn(body, known)


def _check_sampling(body: Mapping[str, Any], known: Facts, *, version: str) -> None:
    sent = [name for name in SAMPLING if body.get(name) is not None]
    if sent and version != "2023-06-01":
        raise invalid(f"{sent[0]}: sampling parameters are not accepted by API version {version}.")
    for name in sent:
        _check_number(name, body[name])
    if "temperature" in sent and "top_p" in sent:
        raise invalid("`temperature` and `top_p` cannot both be specified for this model.")
    if known.sampling != "free":
        _check_defaults(body, sent)


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(f"{name}: Input should be a valid number")
    if name != "top_k" and not 0 <= value <= 1:
        raise invalid(f"{name}: range: 0..1")


def _check_defaults(body: Mapping[str, Any], sent: list[str]) -> None:
    defaults = {"temperature": (1,), "top_p": (0.99, 1), "top_k": ()}
    for name in sent:
        if body[name] not in defaults[name]:
            raise invalid(f"{name} is deprecated for this model.")


def _check_thinking(body: Mapping[str, Any], known: Facts) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    checks = {
        "enabled": _check_budget,
        "adaptive": _check_adaptive,
        "disabled": _check_disabled,
        "between_tools": _check_between_tools,
    }
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if not isinstance(kind, str) or kind not in checks:
        raise invalid(f"thinking.type: Input should be one of {', '.join(checks)}")
    checks[kind](body, known)


def _check_budget(body: Mapping[str, Any], known: Facts) -> None:
    if not known.budget:
        raise invalid(
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
            '"output_config.effort" to control thinking behavior.'
        )
    _only(body["thinking"], "type", "budget_tokens", "display")
    budget = body["thinking"].get("budget_tokens")
    if not isinstance(budget, int) or isinstance(budget, bool) or budget < 1024:
        raise invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if body.get("max_tokens", budget + 1) <= budget:
        raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_adaptive(body: Mapping[str, Any], known: Facts) -> None:
    if not known.adaptive:
        raise invalid("adaptive thinking is not supported on this model")
    _only(body["thinking"], "type", "display")
    if body["thinking"].get("display") not in (None, "omitted", "summarized"):
        raise invalid("thinking.adaptive.display: Input should be 'omitted' or 'summarized'")


def _check_disabled(body: Mapping[str, Any], known: Facts) -> None:
    if known.disabled == "no":
        hint = ' Use "thinking.type.between_tools".' if known.between_tools else ""
        raise invalid(f'"thinking.type.disabled" is not supported for this model.{hint}')
    _only(body["thinking"], "type")
    if known.disabled == "up_to_high":
        _at_most_high(body)


def _check_between_tools(body: Mapping[str, Any], known: Facts) -> None:
    if not known.between_tools:
        raise invalid('"thinking.type.between_tools" is not supported for this model.')
    _only(body["thinking"], "type")
    _at_most_high(body)


def _only(thinking: Mapping[str, Any], *names: str) -> None:
    for name in thinking:
        if name not in names:
            raise invalid(f"thinking.{thinking['type']}.{name}: Extra inputs are not permitted")


def _effort(body: Mapping[str, Any]) -> Any:
    return (body.get("output_config") or {}).get("effort")


def _at_most_high(body: Mapping[str, Any]) -> None:
    if _effort(body) in ("xhigh", "max"):
        raise invalid(f"output_config.effort: {_effort(body)} needs thinking; the highest without it is high")


def _check_effort(body: Mapping[str, Any], known: Facts) -> None:
    effort = _effort(body)
    if effort is None:
        return
    if effort not in EFFORTS:
        raise invalid(f"output_config.effort: Input should be one of {', '.join(EFFORTS)}")
    if not known.efforts:
        raise invalid("This model does not support the effort parameter.")
    if effort not in known.efforts:
        raise invalid(f"output_config.effort: {effort} is not supported by this model")


def _check_tool_choice(body: Mapping[str, Any], known: Facts) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind not in ("auto", "any", "tool", "none"):
        raise invalid("tool_choice.type: Input should be one of auto, any, tool, none")
    if kind in ("any", "tool") and not known.forced_tools:
        raise invalid('tool_choice: type "tool" and "any" are not supported for this model.')


def _check_last_turn(body: Mapping[str, Any], known: Facts) -> None:
    if body["messages"][-1]["role"] != "assistant":
        return
    if not known.prefill:
        raise invalid(
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        )
    if (body.get("output_config") or {}).get("format"):
        raise invalid("output_config.format: structured outputs cannot be combined with a prefilled reply")
