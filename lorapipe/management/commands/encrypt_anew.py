"""`./run manage encrypt_anew`: encrypts the stored secrets under the first key of LORAPIPE_ENCRYPTION_KEYS."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from batches.models import Webhook
from exports.models import HubToken
from lib.encryption import UnknownEncryptionKey, encrypt_anew
from provider.models import ProviderKey

Secret = Webhook | ProviderKey | HubToken
WITH_SECRETS = (Webhook, ProviderKey, HubToken)  # each has a column `encrypted_key`


class Command(BaseCommand):
    help = "Encrypt all stored secrets under the first of the LORAPIPE_ENCRYPTION_KEYS, so that older keys can be removed."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.ENVIRONMENT.encryption_keys:
            raise CommandError(
                "LORAPIPE_ENCRYPTION_KEYS is not set. Set it to the new key and the old ones, as the web has it."
            )
        lost = sum(not renew_encryption(each) for each in list_secrets())
        self.stdout.write("All that can be read is encrypted under the first key.")
        if lost:
            raise CommandError(f"{lost} cannot be read by any of the keys: add the key that is missing.")


def list_secrets() -> list[Secret]:
    """Every row that holds a secret."""
    return [row for model in WITH_SECRETS for row in model._default_manager.exclude(encrypted_key="")]


def renew_encryption(row: Secret) -> bool:
    """False when no key of the ring decrypts it. A secret that was renewed in the meantime is left alone."""
    before = row.encrypted_key
    try:
        after = encrypt_anew(before)
    except UnknownEncryptionKey:
        return False
    type(row).objects.filter(pk=row.pk, encrypted_key=before).update(encrypted_key=after)
    return True
