"""Let the provider count the tokens of a template version's sample prompts. Only workers import this: the SDK is large.

A count that fails is tried again after longer and longer pauses. Until it succeeds, and for good with a server that cannot
count tokens, estimates use the length of the prompts.
"""

import functools
import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from batches.limits.pools import UnknownKey, get_provider
from batches.models import PromptSize
from batches.planning.estimate.prompt_sizes import fit
from claude.client import Client
from claude.counting import count_tokens, lacks_route
from claude.counts import count_bytes
from claude.current_models import UnknownModel
from claude.errors import ClaudeError, Declined
from claude.messages import Provider, Request
from conversations.generation import build_request
from provider import table
from templates_app.text.rendering import TemplateSyntax, ValuesError, VariableError
from workspaces.models import ClockTimestamp

logger = logging.getLogger(__name__)

DEADLINE_S = 10.0
CLIENTS = 64  # how many keys have a client at the same time
LONGEST_PAUSE_MIN = 60
A_DAY_MIN = 24 * 60


def count_prompts_of(row_id: UUID) -> None:
    """Count the samples of one `prompt_sizes` row. Safe to run twice. A failure is stored on the row and tried again later."""
    row = (
        PromptSize.objects.select_related("template_version__workspace")
        .filter(pk=row_id, counted_at=None)
        .first()
    )
    if row is None or row.simulated != settings.DEMO or (settings.DEMO and not settings.CLAUDE_BASE_URL):
        return
    table.refresh()
    try:
        requests = _requests(row)
        client = _client(get_provider(row.template_version.workspace.provider_key))
        if not connection.in_atomic_block:
            connection.close()  # no connection is held during a call
        counts = [count_tokens(client, request, deadline_s=DEADLINE_S) for request in requests]
    except (ValuesError, TemplateSyntax, VariableError, UnknownModel, UnknownKey) as problem:
        _record_failure(row, str(problem), minutes=A_DAY_MIN)
    except ClaudeError as problem:
        lasts = isinstance(problem, Declined) or lacks_route(problem)
        minutes = A_DAY_MIN if lasts else min(LONGEST_PAUSE_MIN, 2**row.failures)
        _record_failure(row, problem.message, minutes=minutes)
    else:
        _store(row, requests, counts)


def _requests(row: PromptSize) -> list[Request]:
    """The samples as requests. Raises ValuesError, TemplateSyntax or VariableError."""
    return [
        build_request(
            version=row.template_version,
            values=sample["values"],
            model=row.model,
            max_tokens=1,
            details=sample["details"],
        )
        for sample in row.samples
    ]


def _store(row: PromptSize, requests: Sequence[Request], counts: Sequence[int]) -> None:
    base, per_byte = fit([count_bytes(request.system, request.prompt) for request in requests], counts)
    PromptSize.objects.filter(pk=row.pk, samples=row.samples).update(
        base=base, per_byte=per_byte, counted_at=ClockTimestamp(), next_at=None, failures=0, problem=""
    )


def _record_failure(row: PromptSize, problem: str, *, minutes: int) -> None:
    PromptSize.objects.filter(pk=row.pk, counted_at=None).update(
        failures=min(row.failures + 1, 30),
        problem=problem,
        next_at=ClockTimestamp() + timedelta(minutes=minutes),
    )
    logger.info("The prompts of %s could not be counted: %s", row, problem)


@functools.lru_cache(maxsize=CLIENTS)
def _client(provider: Provider) -> Client:
    return Client(provider, shards=1)
