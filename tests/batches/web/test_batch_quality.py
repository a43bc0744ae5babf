"""The quality on a batch's page: asked for after the page, and a page of its own."""

from decimal import Decimal

import pytest
from django.test import Client

from conversations.states import Status
from tests.factories import make_conversation, make_job, make_user
from workspaces.models import User

pytestmark = pytest.mark.django_db


def test_it_is_loaded_after_the_page(signed_in: Client, owner: User) -> None:
    job = make_job(by=owner, total_items=2)
    page, quality = f"/batches/{job.pk}/", f"/batches/{job.pk}/quality/"
    assert f'hx-get="{quality}"' not in signed_in.get(page).content.decode(), "there is nothing to judge yet"
    for score in ("10.0", "6.5"):
        make_conversation(by=owner, origin_job=job, status=Status.GENERATED, quality_score=Decimal(score))
    job.completed_items = 2
    job.save(update_fields=["completed_items"])
    assert f'hx-get="{quality}"' in signed_in.get(page).content.decode()
    part = signed_in.get(quality, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<section class="card" id="quality"')
    assert "6 to 6.9" in part
    assert "Distinct-2" in part
    assert "<h1>" in signed_in.get(quality).content.decode(), "a page of its own without script"


def test_somebody_elses(signed_in: Client) -> None:
    job = make_job(by=make_user())
    assert signed_in.get(f"/batches/{job.pk}/quality/").status_code == 404
