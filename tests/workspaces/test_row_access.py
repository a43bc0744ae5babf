"""Who may see and change a row: one rule on the QuerySet, for pages and for the API."""

from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from batches.models import BatchJob
from tests.factories import make_job, make_member, make_user, make_workspace
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db


def make_viewed_job(role: Membership.Role) -> tuple[User, BatchJob]:
    """A person, and a job in a workspace in which this person has that role."""
    workspace, user = make_workspace(), make_user()
    make_member(workspace=workspace, user=user, role=role)
    return user, make_job(workspace=workspace)


@pytest.mark.parametrize("role", Membership.Role)
def test_every_member_sees_a_row(role: Membership.Role) -> None:
    user, job = make_viewed_job(role)
    assert BatchJob.objects.get_visible_or_404(user, job.pk) == job
    assert BatchJob.objects.get_visible_or_404(user, str(job.pk)) == job


@pytest.mark.parametrize("role", Membership.Role)
def test_only_owners_and_editors_change_a_row(role: Membership.Role) -> None:
    user, job = make_viewed_job(role)
    if role in Membership.EDITORS:
        assert BatchJob.objects.get_editable_or_403(user, job.pk) == job
    else:
        with pytest.raises(PermissionDenied):
            BatchJob.objects.get_editable_or_403(user, job.pk)


def test_a_foreign_row_is_answered_like_one_that_is_not_there() -> None:
    user, job = make_user(), make_job()
    for key in (job.pk, uuid4(), "not an id"):
        with pytest.raises(Http404):
            BatchJob.objects.get_visible_or_404(user, key)
        with pytest.raises(Http404):
            BatchJob.objects.get_editable_or_403(user, key)


def test_a_filter_and_joined_rows_are_kept() -> None:
    user, job = make_viewed_job(Membership.Role.EDITOR)
    found = BatchJob.objects.select_related("workspace").get_editable_or_403(user, job.pk)
    assert "workspace" in found._state.fields_cache
    with pytest.raises(Http404):
        BatchJob.objects.exclude(pk=job.pk).get_editable_or_403(user, job.pk)
