"""What the log says of a request is what was sent, whatever happens to the model table between the two."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from batches.engine.calls import prepare_item
from batches.engine.claim import claim
from batches.models import BatchJob, GenerationLog, Worker
from claude import current_models
from claude.client import Client
from claude.errors import ClaudeError
from claude.messages import Provider
from tests.claude.odd_server import Answering, OddServer, failure, odd_server


def refuse(request: Answering) -> None:
    request.answer(400, failure("invalid_request_error", "no"))


@pytest.fixture
def server() -> Iterator[OddServer]:
    with odd_server(refuse) as running:
        yield running


def test_the_logged_body_is_sent_after_a_change_of_the_model_table(
    job: BatchJob, worker: Worker, server: OddServer
) -> None:
    call = prepare_item(job.items.get(position=1).pk)
    assert call
    assert claim(call, worker_id=worker.pk)
    table = current_models.get_active()
    cards = tuple(replace(card, structured_outputs=False, effort=None) for card in table.all_cards)
    current_models.activate(replace(table, all_cards=cards))

    client = Client(Provider(base_url=server.url, api_key="k"), shards=1)
    with pytest.raises(ClaudeError):
        client.send(call.prepared, deadline_s=10)
    client.close()

    logged = GenerationLog.objects.get(pk=call.log_id).request_payload
    assert "format" in logged["output_config"]
    assert server.seen[0].body == logged
    assert server.seen[0].headers["x-client-request-id"] == str(call.log_id)
