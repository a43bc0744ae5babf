"""Pages show no verb to somebody who may not use it: no link and no form that they show leads to a 403."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import Resolver404, resolve
from django.utils import timezone

from batches.models.states import ItemStatus, JobStatus, Reason
from conversations.states import Status
from conversations.versions import edit
from tests.abuse.html_forms import read_page
from tests.factories import (
    make_background_job,
    make_conversation,
    make_export,
    make_item,
    make_job,
    make_member,
    make_user,
    make_workspace,
)
from workspaces.models import Membership, User, Workspace

pytestmark = [pytest.mark.django_db, pytest.mark.lengthy]


@pytest.fixture
def shared() -> Workspace:
    return make_workspace(owner=make_user())


def make_pages(home: Workspace, by: User) -> list[str]:
    """The pages with rows of this workspace, in the states in which they show most."""
    pages = ["/", "/conversations/", "/batches/", "/templates/", "/review/"]
    for status, about in (
        (JobStatus.COMPLETED, {"completed_items": 1, "failed_items": 1, "successful_items": 1}),
        (JobStatus.PAUSED, {"failed_items": 1, "reason": Reason.PERSON}),
        (JobStatus.PROCESSING, {}),
    ):
        job = make_job(workspace=home, by=by, status=status, total_items=2, **about)
        pages.append(f"/batches/{job.pk}/")
        failed = make_item(job=job, status=ItemStatus.FAILED, error_kind="refused", error_message="No turns.")
        pages.append(f"/items/{failed.pk}/")
    made = make_conversation(item=make_item(job=job, status=ItemStatus.COMPLETED), turns=["Hi?", "Hello."])
    newer = edit(made, {2: "Good day."}, by=by)
    make_conversation(workspace=home, status=Status.APPROVED, approved_at=timezone.now())
    done = make_background_job(workspace=home, by=by, kind="export", status="completed")
    pushable = make_export(workspace=home, by=by, job=done, format="folder", finished_at=timezone.now())
    pages += ["/exports/", f"/exports/{make_export(workspace=home, by=by).pk}/", f"/exports/{pushable.pk}/"]
    pages += ["/settings/hub/", "/settings/workspaces/", "/settings/tokens/", "/settings/password/"]
    pages += [f"/settings/members/?workspace={home.pk}"]
    pages += [
        f"/conversations/{made.pk}/",
        f"/conversations/{newer.pk}/",
        f"/conversations/{made.pk}/diff/1..2/",
    ]
    return pages


def find_asked(client: Client, address: str) -> Iterator[tuple[str, str]]:
    """Method and address of each link and form of a page, one for each URL."""
    answer = client.get(address)
    assert answer.status_code in (200, 302), f"{address}: {answer.status_code}"
    if answer.status_code != 200:
        return
    forms, links = read_page(answer.content.decode(), address)
    yield from (("GET", each) for each in links)
    yield from ((each.method.upper(), each.action) for each in forms)


def find_name(path: str) -> str:
    """The name of a URL of ours; empty for other addresses, such as those of static files."""
    try:
        return resolve(path).url_name or ""
    except Resolver404:
        return ""


@pytest.mark.parametrize("role", ["viewer", "reviewer"])
def test_nothing_shown_is_refused(shared: Workspace, role: str) -> None:
    person, client = make_user(), Client()
    make_member(workspace=shared, user=person, role=Membership.Role(role))
    client.force_login(person)
    owner = shared.members.exclude(pk=person.pk).get()
    seen, refused = set(), []
    for page in make_pages(shared, owner):
        for method, address in find_asked(client, page):
            path = address.partition("#")[0]
            name = find_name(path.partition("?")[0])
            if name in ("", "sign_out", "theme") or (page, method, name) in seen:
                continue
            seen.add((page, method, name))
            answer = client.generic(method, path)
            if answer.status_code == 403:
                refused.append(f"{page}: {method} {path}")
    assert len(seen) > 30, "the pages show few links: the test sees too little"
    assert not refused, "\n".join(refused)
