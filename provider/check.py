"""“Test my key”: asks the server, stores the findings and describes them."""

import importlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection, transaction

from claude import current_models
from claude.current_models import RetiredModel, UnknownModel, UnknownPrice
from claude.messages import Provider
from lib import clock
from provider import table
from provider.account import compute_fingerprint, get_provider, mask_key
from provider.models import Finding
from workspaces.audit import record
from workspaces.models import User
from workspaces.states import Action, TargetKind

if TYPE_CHECKING:
    from claude.probe import Findings

DEADLINE_S = 30.0


@dataclass(frozen=True)
class Line:
    """One checked property. `good` is None if the result is unknown or does not matter."""

    name: str
    good: bool | None
    says: str

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "good": self.good, "says": self.says}


def check(*, key: str = "", by: User | None = None, deadline_s: float = DEADLINE_S) -> Finding:
    """Ask the server about the model in use, with the key of this name or the installation's own, and store the result.

    With a known price it also makes one short call, exactly as a batch makes it: only that shows that a batch works. It takes at most `deadline_s` seconds. A feature that the server lacks is not used any more, until a later check
    with the installation's key finds it. Raises NoSimulator and UnknownKey.
    """
    table.refresh(now=True)
    model = settings.ENVIRONMENT.anthropic_model
    asked = get_provider(key)
    found = _ask_server(asked, model, deadline_s)
    lines = list(_build_lines(found, model))
    with transaction.atomic():
        finding = Finding.objects.create(
            fingerprint=compute_fingerprint(asked),
            model=model,
            works=all(line.good is not False for line in lines if line.name in MUST),
            counts_tokens=found.counts_tokens,
            structured_outputs=found.structured_outputs,
            report={
                "server": describe_server(),
                "key": mask_key(key),
                "model": model,
                "simulated": found.simulated,
                "latency_ms": found.latency_ms,
                "paid": found.paid is not None,
                "lines": [line.as_json() for line in lines],
            },
            created_by=by,
        )
        after = {"model": model, "works": finding.works}
        record(action=Action.CHECK, kind=TargetKind.PROVIDER, name=describe_server(), by=by, after=after)
    table.refresh(now=True)
    return finding


# No batch can be made unless all of these are good.
MUST = ("Key", "Model", "Price", "Connection", "A batch's call")


def describe_server() -> str:
    label: str = settings.ENVIRONMENT.provider_label
    return "our simulator (demo mode)" if settings.DEMO else label


class NoSimulator(Exception):
    """Demo mode without a running simulator."""


def _ask_server(asked: Provider, model: str, deadline_s: float) -> "Findings":
    if settings.DEMO and not settings.CLAUDE_BASE_URL:
        raise NoSimulator(
            "In demo mode the simulator is asked, and none is running. Start the product with ./run."
        )
    # The SDK takes a second to load and 40 MB of memory, so only a process that tests a key loads it.
    client = importlib.import_module("claude.client").Client(asked, shards=1)
    probe = importlib.import_module("claude.probe").probe
    if not connection.in_atomic_block:
        connection.close()  # no database connection is held while the server answers
    try:
        found: Findings = probe(
            client,
            model,
            deadline_s=deadline_s,
            may_pay=_check_price(model).good is True,
            max_tokens=settings.ENVIRONMENT.anthropic_max_tokens,
            temperature=settings.ENVIRONMENT.anthropic_temperature,
        )
    finally:
        client.close()
    return found


def _build_lines(found: "Findings", model: str) -> list[Line]:
    price = _check_price(model)
    lines = [_check_key(found, has_price=price.good is True), _check_model(found, model), price]
    if found.problem is not None and found.key_accepted is None:
        lines.insert(0, Line("Connection", False, found.problem.message))
    if (call := _check_call(found)) is not None:
        lines.append(call)
    lines.append(
        _make_ability_line(
            "count_tokens",
            found.counts_tokens,
            "counts the tokens of a prompt before it is paid",
            "not there: estimates go by characters",
        )
    )
    lines.append(
        _make_ability_line(
            "Structured outputs",
            found.structured_outputs,
            "takes a schema for its replies",
            "not there: the shape is asked for in words and replies are read leniently",
        )
    )
    if found.latency_ms is not None:
        lines.append(Line("Latency", None, f"{found.latency_ms} ms for the last answer"))
    if found.simulated is not None:
        says = "our simulator: nothing is charged" if found.simulated else "not our simulator"
        lines.append(Line("Simulator", None, says))
    lines.append(Line("This check", None, _describe_cost(found, model)))
    return lines


def _check_call(found: "Findings") -> Line | None:
    """The call that a batch makes. None when it was not made, because an earlier line says why."""
    if found.problem is not None and found.key_accepted and found.model_known:
        return Line("A batch's call", False, found.problem.message)
    if found.paid is None:
        return None
    how = "answered, as a stream" if found.streamed else "answered"
    if found.paid.estimated:
        how += "; its tokens were not reported, so LoRAPipe counts and books them itself, rather too high"
    return Line("A batch's call", True, how)


def _describe_cost(found: "Findings", model: str) -> str:
    if found.paid is None:
        return "only free calls were made"
    cost = current_models.compute_cost(found.paid, model=model, on=clock.today())
    return f"one short call was made, as a batch makes it, for ${cost:.4f}"


def _check_key(found: "Findings", *, has_price: bool) -> Line:
    if found.key_accepted:
        return Line("Key", True, "accepted")
    if found.key_accepted is False:
        return Line("Key", False, found.problem.message if found.problem else "refused")
    if not has_price:
        return Line("Key", None, "not told: no free call was answered, and without a price no other is made")
    return Line("Key", None, "not told: the server did not answer so far")


def _check_model(found: "Findings", model: str) -> Line:
    today = clock.today()
    try:
        card = current_models.find_card(model, today)
    except (UnknownModel, RetiredModel) as wrong:
        return Line("Model", False, str(wrong))
    if found.model_known is False:
        return Line("Model", False, f"The server does not know {model}. Set ANTHROPIC_MODEL to one it has.")
    if found.model_known is None:
        says = found.problem.message if found.problem and found.key_accepted else "not told"
        return Line("Model", False if found.key_accepted else None, says)
    ends = found.retires or (card.retires.isoformat() if card.retires else None)
    after = f" Use {card.successor} from then on." if card.successor else ""
    if found.lifecycle == "retired":
        return Line("Model", False, f"The server says that {model} is retired.{after}")
    return Line("Model", True, f"{model} is known" + (f"; it retires on {ends}.{after}" if ends else ""))


def _check_price(model: str) -> Line:
    today: date = clock.today()
    try:
        price = current_models.find_price(model, on=today, prompt_tokens=1)
    except UnknownPrice as wrong:
        return Line("Price", False, str(wrong))
    if price.free:
        return Line("Price", True, "marked as costing nothing")
    return Line("Price", True, f"${price.input:.2f} and ${price.output:.2f} per million tokens in and out")


def _make_ability_line(name: str, has: bool | None, yes: str, no: str) -> Line:
    return Line(name, has, {True: yes, False: no, None: "could not be told"}[has])
