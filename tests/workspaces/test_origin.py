"""Where an entry of the audit log comes from: page, API, admin, terminal or system, with address and token."""

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from tests.factories import make_job, make_token, make_user
from workspaces.actions import state_use
from workspaces.audit import record
from workspaces.models import AuditEntry, User
from workspaces.origin import Origin, come_from, find_origin, read_address
from workspaces.states import Action, Authorisation, Channel, TargetKind

pytestmark = pytest.mark.django_db
ADDRESS = "203.0.113.9"


def newest() -> tuple[str, str | None, str]:
    entry = AuditEntry.objects.order_by("-pk")[0]
    return entry.channel, entry.address, entry.token_name


def test_a_page_tells_its_channel_and_the_address(owner: User) -> None:
    job = make_job(by=owner, items=1)
    client = Client(REMOTE_ADDR=ADDRESS)
    client.force_login(owner)
    client.post(f"/batches/{job.pk}/pause/")
    assert newest() == (Channel.PAGE, ADDRESS, "")


def test_the_api_tells_the_name_of_the_token_and_never_the_token(owner: User) -> None:
    job = make_job(by=owner, items=1)
    token = make_token(user=owner, name="nightly script")
    headers = {"Authorization": f"Bearer {token}"}
    path = f"/api/conversations/batch/{job.pk}"
    answer = Client(REMOTE_ADDR="2001:db8::7").patch(
        path, {"action": "pause"}, content_type="application/json", headers=headers
    )
    assert answer.status_code == 200
    assert newest() == (Channel.API, "2001:db8::7", "nightly script")
    assert token not in repr(list(AuditEntry.objects.values()))
    assert find_origin() == Origin()


def test_the_admin_is_a_channel_of_its_own() -> None:
    boss = make_user(superuser=True)
    make_token(user=boss, name="one")
    client = Client(REMOTE_ADDR=ADDRESS)
    client.force_login(boss)
    chosen = [str(token.pk) for token in boss.api_tokens.all()]
    client.post("/admin/workspaces/apitoken/", {"action": "revoke", "_selected_action": chosen})
    assert newest() == (Channel.ADMIN, ADDRESS, "")


@pytest.mark.parametrize(("typed", "channel"), [(True, Channel.TERMINAL), (False, Channel.SYSTEM)])
def test_without_a_request_it_is_a_command_or_the_system(
    typed: bool, channel: Channel, owner: User, settings: Settings
) -> None:
    settings.TYPED_COMMAND = typed
    state_use(workspace=owner.personal_workspace(), purpose="x", authorisation=Authorisation.NARROW, by=owner)
    assert newest() == (channel, None, "")


def test_what_is_no_address_is_left_out() -> None:
    with come_from(Origin(channel=Channel.PAGE, address=read_address("unix:"))), transaction.atomic():
        record(action=Action.CHECK, kind=TargetKind.PROVIDER, by=None)
    assert newest() == (Channel.PAGE, None, "")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("", ""),
        ("somewhere", ""),
    ],
)
def test_an_address_has_one_form(text: str, address: str) -> None:
    assert read_address(text) == address
