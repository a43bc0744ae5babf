"""How much a batch may spend: the budget that its start offers, and what the month leaves of it. Amounts in USD."""

from decimal import ROUND_DOWN, ROUND_UP, Decimal

from batches.planning.estimate.schedule import Funds

CENT = Decimal("0.01")
# So many calls may be lost (a connection that breaks off after the reply was billed) before a person is needed. Each is
# booked at its worst case.
LOST_CALLS = 2


def room_for_calls(worst: Decimal, *, in_flight: int) -> Decimal:
    """What a budget must hold beyond the cost of the replies: the reservations of all calls in flight, and two lost calls.

    With less, a batch runs with fewer and fewer calls at once towards its end, and one lost call pauses a small one.
    """
    return (in_flight + LOST_CALLS) * worst


def default_budget(
    high: Decimal, *, worst: Decimal, in_flight: int, month_room: Decimal | None = None
) -> Decimal:
    """The budget that is offered, in whole cents: 1.5 x the upper end of the estimate, or that end and `room_for_calls`.

    `worst`: of one call. `in_flight`: how many calls there can be at once. `month_room`: what the workspace's month has left,
    None without a budget. Never more than that is offered, but at least one call.
    """
    wanted = max(high * Decimal("1.5"), high + room_for_calls(worst, in_flight=in_flight))
    offered = wanted.quantize(CENT, rounding=ROUND_UP)
    if month_room is None or offered <= month_room:
        return offered
    return max(month_room.quantize(CENT, rounding=ROUND_DOWN), worst.quantize(CENT, rounding=ROUND_UP))


def limit_funds(budget: Decimal, *, month_room: Decimal | None, worst: Decimal) -> Funds:
    """The tighter of the batch's budget and the month's rest, and what a call reserves of it."""
    if month_room is not None and month_room < budget:
        return Funds(name="month", room=float(month_room), worst=float(worst))
    return Funds(name="budget", room=float(budget), worst=float(worst))
