"""The states of jobs, items and log rows, the sets of states that rules refer to, and the labels that people see."""

from django.db import models


class JobStatus(models.TextChoices):
    DRAFT = "draft"
    QUEUED = "queued"
    PROCESSING = "processing"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"  # stopped by an error, with a reason; it can be resumed
    CANCELLED = "cancelled"


RUNNING = (JobStatus.QUEUED, JobStatus.PROCESSING)  # its items may be claimed
ACTIVE = (JobStatus.QUEUED, JobStatus.PROCESSING, JobStatus.PAUSED)
PAUSABLE = RUNNING
RESUMABLE = (JobStatus.PAUSED, JobStatus.FAILED)
CANCELLABLE = (JobStatus.QUEUED, JobStatus.PROCESSING, JobStatus.PAUSED, JobStatus.FAILED)
CHANGEABLE = CANCELLABLE  # its concurrency, priority and budget may be changed
RETRYABLE = (*CHANGEABLE, JobStatus.COMPLETED)  # its failed items may go back into the queue
COMPLETABLE = (JobStatus.QUEUED, JobStatus.PROCESSING, JobStatus.PAUSED, JobStatus.FAILED)


class Reason(models.TextChoices):
    """Why a job is paused or failed."""

    NONE = "", ""
    PERSON = "person", "paused by a person"
    BUDGET = "budget", "its budget does not cover the next call"
    MONTH_BUDGET = "month_budget", "the month's budget of its workspace does not cover the next call"
    ITEM_ERROR = "item_error", "an item failed, and the job stops at the first error"
    PROVIDER_AUTH = "provider_auth", "the provider refused the key"
    PROVIDER_BILLING = "provider_billing", "the provider's spend limit or credit is used up"
    MODEL = "model", "its model is retired, or has no known price"
    NOT_FOUND = "not_found", "the provider does not know the model or the address"
    REQUEST_REFUSED = "request_refused", "the provider refuses something that every call of it sends"
    REFUSALS = "refusals", "the provider refused several calls in a row in the same way"
    SYSTEMIC_WAIT = "systemic_wait", "the provider made it wait for an hour"


class ItemStatus(models.TextChoices):
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_ITEMS = (ItemStatus.QUEUED, ItemStatus.PROCESSING)


class LogState(models.TextChoices):
    """One attempt to reach Claude: written before the call, completed after it."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    UNUSABLE = "unusable"  # paid, but no conversation could be made of it
    FAILED = "failed"
    UNKNOWN = (
        "unknown"  # nobody knows whether it was answered; its worst case is booked until a late reply arrives
    )
    SURPLUS = "surplus"  # paid, but the item had a conversation from another reply already


REPLIED = (LogState.SUCCEEDED, LogState.UNUSABLE, LogState.SURPLUS)


class JobKind(models.TextChoices):
    BATCH = "batch"
    SINGLE = "single"


class ItemKind(models.TextChoices):
    GENERATE = "generate"
    REGENERATE = "regenerate"  # a new version of a conversation that is there
    JUDGEMENT = "judgement"  # what the judge says about a conversation


class ErrorHandling(models.TextChoices):
    CONTINUE = "continue", "Continue with the rest"
    STOP = "stop", "Stop at the first item that fails"


class Mode(models.TextChoices):
    LIVE = "live"
    ECONOMY = "economy"


class Priority(models.IntegerChoices):
    """Smaller is served first."""

    HIGH = 1, "high"
    NORMAL = 2, "normal"
    LOW = 3, "low"

    @classmethod
    def of(cls, word: str) -> "Priority":
        """The priority with this label: high, normal or low. Raises KeyError."""
        return {each.label: each for each in cls}[word]


class Dimension(models.TextChoices):
    """What the provider limits per minute. The rows of a pool are locked in the alphabetical order of these values."""

    INPUT_TOKENS = "input_tokens", "input tokens"
    OUTPUT_TOKENS = "output_tokens", "output tokens"
    REQUESTS = "requests", "requests"
