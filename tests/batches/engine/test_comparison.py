"""The engine compares a filed conversation with the others, and catches up on those whose process has ended in between."""

from typing import Any

import pytest

from batches.engine.reconcile import compare_left_over
from batches.models import BatchJob, Worker
from conversations.comparison import list_not_compared
from conversations.models import Conversation
from tests.support.steps import claim_item, file_reply

pytestmark = pytest.mark.django_db


def test_a_filed_conversation_is_compared_after_its_commit(
    job: BatchJob, worker: Worker, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        file_reply(claim_item(job, worker))
    made = Conversation.objects.get()
    assert made.bands
    assert made.compared_at is not None
    assert made.quality_metrics["uniqueness"] == 10.0


@pytest.mark.parametrize("everything", [True, False])
def test_the_engine_compares_what_was_left_over(job: BatchJob, worker: Worker, everything: bool) -> None:
    file_reply(claim_item(job, worker))
    made = Conversation.objects.get()
    assert list_not_compared(None, since=None, most=10) == [made.pk]
    assert compare_left_over(everything=everything) == 1
    assert compare_left_over(everything=everything) == 0
    assert Conversation.objects.get().compared_at is not None
