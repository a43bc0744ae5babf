"""The estimate of a finished batch beside what it came to."""

from decimal import Decimal
from typing import Any, NamedTuple

from batches.models import BatchJob


class EstimateAccuracy(NamedTuple):
    """An estimate and what came. Costs in USD, times in seconds; errors as shares, +0.1 when it came to a tenth more."""

    said: Decimal
    low: Decimal
    high: Decimal
    cost: Decimal
    said_seconds: float
    seconds: float
    history: int

    @property
    def holds(self) -> bool:
        """Whether the cost is in the range that 80% of batches should fall into."""
        return self.low <= self.cost <= self.high

    @property
    def cost_error(self) -> float:
        return float(self.cost / self.said) - 1 if self.said else 0.0

    @property
    def time_error(self) -> float:
        return self.seconds / self.said_seconds - 1 if self.said_seconds else 0.0


def measure_accuracy(job: BatchJob) -> EstimateAccuracy | None:
    """None while it is not completed, and for a batch without an estimate."""
    stored: dict[str, Any] = job.estimate
    if job.completed_at is None or job.actual_seconds is None or not stored.get("cost"):
        return None
    return EstimateAccuracy(
        said=Decimal(stored["cost"]),
        low=Decimal(stored["cost_low"]),
        high=Decimal(stored["cost_high"]),
        cost=job.spent,
        said_seconds=float(stored["seconds"]),
        seconds=job.actual_seconds,
        history=int(stored.get("history", 0)),
    )
