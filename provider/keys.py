"""Change a provider key while everything runs: no process has to start again.

What is entered is stored encrypted and never shown. It stands in for the key of that name in the environment, at the same
address: as soon as the environment has another key or another address, that one counts again, because it is the newer
decision, and because a key must not be sent to a server that it was not entered for. Each process uses it at most two
seconds later (`provider.table`).
"""

from functools import partial

from django.db import transaction

from lib.encryption import encrypt
from provider import table
from provider.account import compute_environment_fingerprint
from provider.models import ProviderKey
from workspaces.audit import record
from workspaces.models import User
from workspaces.states import Action, TargetKind


@transaction.atomic
def enter_key(*, name: str, api_key: str, by: User | None) -> None:
    """Use this key in place of the environment's of this name; "" is the installation's own."""
    values = {
        "encrypted_key": encrypt(api_key.encode()),
        "instead_of": compute_environment_fingerprint(name),
        "created_by": by,
    }
    key, _ = ProviderKey.objects.update_or_create(name=name, defaults=values)
    _record(key, used="the key that was entered", by=by)


@transaction.atomic
def remove_key(*, name: str, by: User | None) -> bool:
    """Use the environment's key of this name again. False when none was entered."""
    key = ProviderKey.objects.select_for_update().filter(name=name).first()
    if key is None:
        return False
    ProviderKey.objects.filter(pk=key.pk).delete()
    _record(key, used="the key of the environment", by=by)
    return True


def _record(key: ProviderKey, *, used: str, by: User | None) -> None:
    """The entry tells that it was changed. Not even the last characters of a key are in it."""
    record(action=Action.CHANGE, kind=TargetKind.PROVIDER, name=str(key), by=by, after={"used": used})
    transaction.on_commit(partial(table.refresh, now=True))
