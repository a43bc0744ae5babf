"""Prepare the call of a queued item: its request, its worst-case price, its key and the tokens that it will probably take.

Nothing is stored here. The claim (`batches.engine.claim`) is what writes the call down.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache, partial
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from batches.engine.kinds.kind import Kind, Origin
from batches.engine.kinds.registry import find_kind
from batches.limits.limiter import Expected
from batches.limits.pools import get_provider, pool_of
from batches.models import BatchItem, BatchJob
from batches.models.states import JobKind
from claude import current_models
from claude.current_models import ModelTable
from claude.messages import Provider, Request
from claude.translation import PreparedRequest, prepare
from conversations.generation import compute_worst_case
from lib import clock
from lib.statements import columns, read
from provider import table
from templates_app.prompts.version_cache import load_version
from workspaces.models import Workspace

SECONDS_BEFORE_OUTPUT = 60
SLOWEST_TOKENS_PER_SECOND = 40
# The columns that `build_call` reads. Item and job together have 90 columns, and this query runs once for each call.
ITEM = (
    *("id", "workspace", "job", "conversation_id", "template_version", "tier", "topic", "category"),
    *("parameters", "details", "status", "attempt", "retried_at"),
    *("kind", "regenerates", "instruction", "from_turn", "fills", "judges"),
)
WORKSPACE = ("id", "provider_key")
JOB = ("id", "kind", "model", "max_tokens", "estimate", "created_by", "run_id", "rubric")


def deadline_s(max_tokens: int) -> float:
    """The longest that a call may take, in seconds: 60 + max_tokens / 40. With 8,192 tokens that is 265 s."""
    return SECONDS_BEFORE_OUTPUT + max_tokens / SLOWEST_TOKENS_PER_SECOND


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call that is ready to be made. Everything about it is known, and nothing is stored yet.

    `pool` is the provider's pool whose rate limits apply, `key` the name of the provider key, `provider` the server with the
    key itself, `reservation` the most that the call can cost in USD. `on` is the day whose prices apply.
    """

    item_id: UUID
    job_id: UUID
    run_id: UUID
    log_id: UUID
    kind: Kind[Any, Any] = field(repr=False)
    origin: Origin
    request: Request
    prepared: PreparedRequest
    pool: str
    key: str
    provider: Provider
    reservation: Decimal
    on: date
    expected: Expected
    interactive: bool
    # One table of prices for the whole call: the reservation and the booking of the reply both use it.
    prices: ModelTable = field(default_factory=current_models.get_active, repr=False)
    # Identifies the claim. It is chosen beforehand, so that it is known even when the commit of the claim breaks off.
    token: UUID = field(default_factory=uuid4)

    @property
    def deadline_s(self) -> float:
        return deadline_s(self.request.max_tokens)


def prepare_item(item_id: UUID) -> Call | None:
    """The call of a queued item, or None when it is no longer queued. Raises what `build_call` raises."""
    item = read_queued_item(item_id)
    return None if item is None else build_call(item)


def read_queued_item(item_id: UUID) -> BatchItem | None:
    """The item with its job, workspace and template version if it has one, or None when it is no longer queued.

    Only the columns in `ITEM`, `JOB` and `WORKSPACE` are loaded.
    """
    with connection.cursor() as cursor:
        cursor.execute(_queued_item_sql(), [item_id])
        row = cursor.fetchone()
    if row is None:
        return None
    item = read(BatchItem, ITEM, row[: len(ITEM)])
    item.job = read(BatchJob, JOB, row[len(ITEM) : -len(WORKSPACE)])
    item.workspace = read(Workspace, WORKSPACE, row[-len(WORKSPACE) :])
    if item.template_version_id is not None:
        item.template_version = load_version(item.template_version_id)
    return item


@cache
def _queued_item_sql() -> str:
    return (
        f"SELECT {columns(BatchItem, ITEM, of='i')}, {columns(BatchJob, JOB, of='j')}, {columns(Workspace, WORKSPACE, of='w')} "  # noqa: S608
        "FROM batch_items i JOIN batch_jobs j ON j.id = i.job_id JOIN workspaces_workspace w ON w.id = i.workspace_id "
        "WHERE i.id = %s AND i.status = 'queued'"
    )


def build_call(item: BatchItem) -> Call:
    """Build the item's request and compute its worst-case price.

    Raises UnknownModel (RetiredModel too), UnknownPrice, UnknownKey, ValuesError, TemplateSyntax, VariableError or
    TargetDeleted; then no call may be made.
    """
    return table.look_up(partial(_build_known_call, item))


def _build_known_call(item: BatchItem) -> Call:
    on, log_id, kind = clock.today(), uuid4(), find_kind(item.kind)
    model = kind.choose_model(item)
    current_models.find_card(model, on)
    origin = kind.build_origin(item)
    request = kind.build_request(item, origin, max_tokens=_max_tokens(item, model), tag=str(log_id))
    return Call(
        item_id=item.pk,
        job_id=item.job_id,
        run_id=item.job.run_id,
        log_id=log_id,
        kind=kind,
        origin=origin,
        request=request,
        prepared=prepare(request),
        pool=pool_of(request.model, item.workspace.provider_key),
        key=item.workspace.provider_key,
        provider=get_provider(item.workspace.provider_key),
        reservation=compute_worst_case(request, on=on),
        on=on,
        expected=kind.expect(item, request),
        interactive=item.job.kind == JobKind.SINGLE,
    )


def _max_tokens(item: BatchItem, model: str) -> int:
    """The job's limit; twice as many once a reply of this item was cut off, as far as the model allows."""
    if item.attempt and item.logs.filter(error_kind="max_tokens").exists():
        return min(2 * item.job.max_tokens, current_models.find_card(model).max_output)
    return item.job.max_tokens
