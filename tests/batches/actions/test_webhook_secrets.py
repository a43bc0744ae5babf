"""The secrets of webhooks: their own, stored encrypted under keys that can be changed; earlier ones stay until renewed."""

from dataclasses import replace
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from pytest_django.fixtures import Settings

from batches.actions.notices import CannotDeliver, change_webhook, send
from batches.models import Webhook
from lib.encryption import UnknownEncryptionKey
from lorapipe.settings import list_encryption_keys
from tests.factories import make_member, make_user, make_workspace
from workspaces.models import Membership, User, Workspace

pytestmark = pytest.mark.django_db
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
URL = "https://hooks.example.com/services/in?token=hush#part"


@pytest.fixture
def home(owner: User, settings: Settings) -> Workspace:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, webhook_hosts=("hooks.example.com",))
    settings.ENCRYPTION_KEYS = [OLD]
    return owner.personal_workspace()


def make_webhook(home: Workspace) -> Webhook:
    change_webhook(workspace=home, url=URL, by=None)
    return Webhook.objects.get()


def test_each_webhook_has_a_secret_of_its_own(home: Workspace, settings: Settings) -> None:
    found = make_webhook(home)
    other = make_workspace(owner=make_user())
    change_webhook(workspace=other, url=URL, by=None)
    assert len(found.key()) == 32
    assert found.secret() != Webhook.objects.get(workspace=other).secret()
    assert found.key() not in found.encrypted_key.encode()
    before = found.secret()
    settings.SECRET_KEY = "another one"
    assert Webhook.objects.get(workspace=home).secret() == before


def test_a_secret_of_an_earlier_version_stays_until_it_is_renewed(home: Workspace) -> None:
    kept = Webhook.objects.create(workspace=home, url=URL)
    before = kept.secret()
    change_webhook(workspace=home, url="https://hooks.example.com/other", by=None)
    kept.refresh_from_db()
    assert (kept.secret(), kept.encrypted_key) == (before, "")
    change_webhook(workspace=home, url=kept.url, by=None, renew=True)
    kept.refresh_from_db()
    assert kept.encrypted_key
    assert kept.secret() != before


def test_a_new_key_comes_first_and_the_old_one_can_go(home: Workspace, settings: Settings) -> None:
    before = make_webhook(home).secret()
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert Webhook.objects.get().secret() == before, "the old key still decrypts"
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, encryption_keys=(NEW, OLD))
    call_command("encrypt_anew", stdout=StringIO())
    settings.ENCRYPTION_KEYS = [NEW]
    assert Webhook.objects.get().secret() == before
    settings.ENCRYPTION_KEYS = [OLD]
    with pytest.raises(UnknownEncryptionKey):
        Webhook.objects.get().secret()
    with pytest.raises(CommandError, match="1 cannot be read"):
        call_command("encrypt_anew", stdout=StringIO())


def test_encrypting_anew_needs_the_keys_of_the_web(home: Workspace) -> None:
    with pytest.raises(CommandError, match="LORAPIPE_ENCRYPTION_KEYS is not set"):
        call_command("encrypt_anew", stdout=StringIO())


def test_what_was_encrypted_before_there_were_keys_is_read_after_it(
    home: Workspace, settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = list_encryption_keys((), "the secret key")
    before = make_webhook(home).secret()
    settings.ENCRYPTION_KEYS = list_encryption_keys((NEW,), "the secret key")
    assert Webhook.objects.get().secret() == before


def test_a_lost_key_is_named_and_a_new_secret_mends_it(
    client: Client, home: Workspace, owner: User, settings: Settings
) -> None:
    webhook = make_webhook(home)
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(CannotDeliver, match="LORAPIPE_ENCRYPTION_KEYS"):
        send(webhook, notice_id="1", body=b"{}")
    client.force_login(owner)
    assert "The secret cannot be read" in client.get("/settings/notices/").text
    client.post("/settings/notices/", {"url": webhook.shown_url, "action": "renew"})
    assert Webhook.objects.get().secret() in client.get("/settings/notices/").text


def test_the_query_is_not_shown_and_is_kept(client: Client, home: Workspace, owner: User) -> None:
    webhook = make_webhook(home)
    client.force_login(owner)
    page = client.get("/settings/notices/").text
    assert 'value="https://hooks.example.com/services/in?…"' in page
    assert "hush" not in page
    for sent in ({"url": webhook.shown_url}, {"url": webhook.shown_url, "action": "renew"}):
        assert client.post("/settings/notices/", sent).status_code == 302
        assert Webhook.objects.get().url == URL
    client.post("/settings/notices/", {"url": "https://hooks.example.com/services/in"})
    assert Webhook.objects.get().url == "https://hooks.example.com/services/in"


def test_viewers_and_staff_see_neither_address_nor_secret(client: Client, home: Workspace) -> None:
    webhook = make_webhook(home)
    viewer = make_user(staff=True)
    User.objects.filter(pk=viewer.pk).update(is_superuser=True)
    make_member(user=viewer, workspace=home, role=Membership.Role.VIEWER)
    client.force_login(viewer)
    for path in (
        f"/settings/notices/?workspace={home.pk}",
        "/admin/batches/webhook/",
        f"/admin/batches/webhook/{webhook.pk}/change/",
    ):
        page = client.get(path, follow=True).text
        assert "services/in" not in page, path
        assert "hush" not in page, path
        assert webhook.secret() not in page, path
