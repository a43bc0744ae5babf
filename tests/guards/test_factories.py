"""The factories make rows that the constraints accept."""

import pytest

from batches.models.states import ItemStatus, JobStatus, LogState
from conversations.states import Status
from tests import factories


@pytest.mark.django_db(transaction=True)
def test_every_factory_makes_a_row() -> None:
    user = factories.make_user()
    job = factories.make_job(by=user, status=JobStatus.PROCESSING, items=3)
    for status in ItemStatus:
        factories.make_item(job=job, status=status)
    item = factories.make_item(job=job, status=ItemStatus.COMPLETED)
    made = factories.make_conversation(item=item, turns=["Hi", "Hello"])
    factories.make_log(item=item, state=LogState.SUCCEEDED, conversation=made)
    factories.make_judgement(conversation=made)
    factories.make_conversation(by=user, status=Status.APPROVED)
    factories.make_member(workspace=factories.make_workspace(owner=user))
    factories.make_worker()
    factories.make_background_job(by=user)
    factories.make_export(by=user, items=2)
    for make in (factories.make_scenario, factories.make_edge_case, factories.make_option):
        make()
    factories.make_import_file()
    factories.make_imported_file()
    factories.make_rate_limit()
    factories.make_prompt_size()
    factories.make_saved_view()
    assert factories.make_token(user=user).startswith("lp_")
    assert job.items.count() == 9
    assert [turn.content for turn in made.turns.all()] == ["Hi", "Hello"]
