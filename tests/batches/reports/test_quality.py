"""The quality of a batch: the distribution of its scores, its flags, and the diversity of a sample."""

from decimal import Decimal
from typing import Any

import pytest

from batches.models import BatchJob
from batches.reports import quality
from batches.reports.quality import Bar, measure_quality
from conversations.models import Conversation
from conversations.states import Status
from conversations.versions import edit
from tests.factories import make_conversation, make_job
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(owner: User) -> BatchJob:
    return make_job(by=owner)


def make(job: BatchJob, score: str | None, *flags: str, **fields: Any) -> Conversation:
    given = {"flags": list(flags), "flag_count": len(flags), "status": Status.GENERATED, **fields}
    return make_conversation(
        workspace=job.workspace, origin_job=job, quality_score=score and Decimal(score), **given
    )


def test_scores_and_flags_are_counted(job: BatchJob, django_assert_num_queries: Any) -> None:
    for score in ("10.0", "10.0", "9.9", "8.0", "7.9"):
        make(job, score)
    make(job, "6.2", "refusal", "refusal", "short_turn")
    make(job, None, "refusal")
    make(job, "1.0", turns=0)
    make_conversation(workspace=job.workspace, quality_score=Decimal("2.0"))
    with django_assert_num_queries(5):
        found = measure_quality(job)
    assert found.bars == [Bar(10, 2), Bar(9, 1), Bar(8, 1), Bar(7, 1), Bar(6, 1)]
    assert (found.count, found.most, found.unflagged) == (6, 2, 5)
    assert found.flags == [("Refusal", 2), ("Very short answer", 1)]


def test_the_newest_versions_count(job: BatchJob) -> None:
    first = make(job, "4.0", "refusal")
    edit(first, {1: "Hello there"}, by=None)
    found = measure_quality(job)
    assert found.count == 1
    assert found.bars[-1].low > 4
    assert "Refusal" not in dict(found.flags)


def test_diversity_is_measured_on_a_sample(job: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure_quality(job).diversity is None
    for number in range(5):
        make(job, "10.0", turns=[f"Good morning to you, number {number}", "I greet Maria there."])
    found = measure_quality(job).diversity
    assert found is not None
    assert (found.conversations, found.openings) == (5, [("good morning to you", 5)])
    monkeypatch.setattr(quality, "SAMPLE", 2)
    sampled = measure_quality(job).diversity
    assert sampled is not None
    assert sampled.conversations == 2


def test_a_batch_without_conversations(job: BatchJob) -> None:
    found = measure_quality(job)
    assert (found.bars, found.flags, found.count, found.most) == ([], [], 0, 0)
