"""The tables of batches, one file a noun; the states and the sets of states are in `batches.models.states`."""

from batches.models.cached_prefixes import CachedPrefix
from batches.models.call_stops import CallStop
from batches.models.generation_logs import GenerationLog
from batches.models.items import BatchItem
from batches.models.jobs import BatchJob
from batches.models.limits import ProviderPool, RateLimit
from batches.models.notices import DeliveryState, Notice, Webhook
from batches.models.paid_requests import PaidRequest
from batches.models.prompt_sizes import PromptSize
from batches.models.repairs import Repair
from batches.models.spending_months import SpendingMonth
from batches.models.workers import Worker

__all__ = [
    "BatchItem",
    "BatchJob",
    "CachedPrefix",
    "CallStop",
    "DeliveryState",
    "GenerationLog",
    "Notice",
    "PaidRequest",
    "PromptSize",
    "ProviderPool",
    "RateLimit",
    "Repair",
    "SpendingMonth",
    "Webhook",
    "Worker",
]
