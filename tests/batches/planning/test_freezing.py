"""Items come into the database by COPY: every value as it was planned, whatever characters it holds."""

from typing import Any

import pytest
from django.db import DataError, IntegrityError, transaction

from batches.models import BatchItem, BatchJob
from batches.models.states import ItemKind, ItemStatus
from batches.planning.freezing import freeze_items
from batches.planning.plan import PlannedItem
from conversations.ids import take_ids
from tests.factories import make_job, make_template, make_workspace

pytestmark = pytest.mark.django_db
ODD = 'a\tb\\N\r\n"quoted", {braces}, \\., null, ü, 漢, \x7f'


@pytest.fixture
def job() -> BatchJob:
    return make_job(total_items=2)


def planned(job: BatchJob, position: int, **fields: Any) -> PlannedItem:
    version = make_template(workspace=job.workspace).versions.get()
    given = {"topic": "t", "parameters": {"topic": "t"}, **fields}
    return PlannedItem(position=position, tier="template", version=version, **given)


def test_values_arrive_as_they_were_planned(job: BatchJob) -> None:
    plan = [
        planned(
            job,
            1,
            topic=ODD,
            parameters={ODD: [ODD, "1.50"], "n": 1.5},
            category=(ODD, ""),
            details={"x": ODD},
        ),
        planned(job, 2, topic="x" * 600),
    ]
    freeze_items(job, plan, [ODD, "fp_b_001"])
    first, second = BatchItem.objects.filter(job=job)
    assert (first.topic, first.conversation_id) == (ODD, ODD)
    assert first.parameters == {ODD: [ODD, "1.50"], "n": 1.5}
    assert (first.category, first.details) == ([ODD, ""], {"x": ODD})
    assert second.topic == "x" * 500
    assert (second.category, second.details) == ([], {})


def test_a_new_item_is_as_the_model_makes_it(job: BatchJob) -> None:
    plan = [planned(job, 1)]
    freeze_items(job, plan, ["fp_a_001"])
    copied = BatchItem.objects.get(job=job)
    given = {"job": job, "workspace": job.workspace, "tier": "template", "template_version": plan[0].version}
    other = BatchItem.objects.create(
        position=2, conversation_id="x", topic="t", parameters={"topic": "t"}, **given
    )
    other.refresh_from_db()
    own = ("id", "position", "conversation_id", "created_at", "updated_at", "created_by_id")
    fields = [field.attname for field in BatchItem._meta.concrete_fields if field.attname not in own]
    assert {name: getattr(copied, name) for name in fields} == {name: getattr(other, name) for name in fields}
    assert (copied.status, copied.kind, copied.created_by_id) == (
        ItemStatus.QUEUED,
        ItemKind.GENERATE,
        job.created_by_id,
    )


@pytest.mark.parametrize(
    ("fields", "error"), [({"parameters": {"topic": "a\x00b"}}, DataError), ({"position": 0}, IntegrityError)]
)
def test_what_the_database_refuses_is_an_error_of_django(
    job: BatchJob, fields: dict[str, Any], error: type[Exception]
) -> None:
    plan = [planned(job, 1), planned(job, **{"position": 2, **fields})]
    with pytest.raises(error), transaction.atomic():
        freeze_items(job, plan, ["a", "b"])
    assert not BatchItem.objects.filter(job=job).exists(), "nothing is half stored"


def test_ten_thousand_personas_get_their_ids_in_one_statement(django_assert_max_num_queries: Any) -> None:
    workspace = make_workspace()
    personas = [f"Person {number % 7000}" for number in range(10_000)]
    with django_assert_max_num_queries(1):  # one statement, however many personas there are
        ids = take_ids(workspace, personas)
    assert len(set(ids)) == 10_000
    assert (ids[0], ids[7000]) == ("fp_person_0_001", "fp_person_0_002")
    assert take_ids(workspace, ["Person 0", "Person 6999", "person 0"]) == [
        "fp_person_0_003",
        "fp_person_6999_002",
        "fp_person_0_004",
    ]
    assert take_ids(workspace, []) == []
