"""The accuracy of an estimate: what was estimated for a completed batch, and what it really took."""

from decimal import Decimal
from typing import Any, NamedTuple

from batches.models import BatchJob


class EstimateAccuracy(NamedTuple):
    """Estimate and outcome. Costs in USD, times in seconds; errors as shares: +0.1 means that it took 10% more."""

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
    """The accuracy of a job's estimate. None when the job is not completed or had no estimate."""
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
