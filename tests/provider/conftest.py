"""A job on the starter pack, for what a call is billed by."""

from tests.batches.conftest import job, worker

__all__ = ["job", "worker"]
