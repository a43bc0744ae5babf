"""A job on the starter pack, for what a call is billed by."""

from tests.batches.conftest import job, owner, worker

__all__ = ["job", "owner", "worker"]
