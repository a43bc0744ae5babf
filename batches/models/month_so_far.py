"""What a workspace has spent in a month, and what is left of its budget. The sums are kept by `batches/engine/month_budget.py`."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import overload

from django.conf import settings

from batches.models.spending_months import SpendingMonth
from lib import clock
from workspaces.models import Workspace

ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class MonthSoFar:
    """The current month, money in USD. `room`: what new calls may still cost at worst; None without a budget."""

    month: date
    spent: Decimal
    reserved: Decimal
    budget: Decimal | None

    @property
    def room(self) -> Decimal | None:
        return None if self.budget is None else max(ZERO, self.budget - self.spent - self.reserved)

    @property
    def percent(self) -> int:
        """The share of the budget that is spent or reserved, in percent: at most 100, and 0 without a budget."""
        used = self.spent + self.reserved
        if self.budget is None:
            return 0
        return min(100, int(100 * used / self.budget)) if self.budget else 100


def this_month(workspace: Workspace) -> MonthSoFar:
    """The workspace's current month: of real money, or in demo mode of the demo."""
    first = clock.today().replace(day=1)
    row = SpendingMonth.objects.filter(workspace=workspace, month=first, demo=settings.DEMO).first()
    return MonthSoFar(
        month=first,
        spent=row.spent if row else ZERO,
        reserved=row.reserved if row else ZERO,
        budget=workspace.monthly_budget_usd,
    )


@overload
def limit_by_month(budget: Decimal, month: MonthSoFar) -> Decimal: ...
@overload
def limit_by_month(budget: None, month: MonthSoFar) -> None: ...
def limit_by_month(budget: Decimal | None, month: MonthSoFar) -> Decimal | None:
    """What a batch with this budget can spend at most: a start never offers more than the month has left."""
    return budget if budget is None or month.room is None else min(budget, month.room)


def past_months(workspace: Workspace, *, at_most: int = 12) -> list[SpendingMonth]:
    """The last months with a row, the newest (the current one, if it has a row) first."""
    rows = SpendingMonth.objects.filter(workspace=workspace, demo=settings.DEMO)
    return list(rows.order_by("-month")[:at_most])
