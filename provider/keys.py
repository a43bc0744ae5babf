"""Change a provider key while everything runs: no process has to start again.

What is entered is stored encrypted and never shown. It stands in for the key of that name in the environment, at the same
address: as soon as the environment has another key or another address, that one counts again, because it is the newer
decision, and because a key must not be sent to a server that it was not entered for. Each process uses it at most two
seconds later (`provider.table`).

The owner of a workspace can enter a key for this workspace alone: its calls use it, and no other workspace can.

What takes a key opens its transaction inside: the frame of a decorator would hold the key, and a traceback would show it.
"""

from functools import partial

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from lib.encryption import encrypt
from provider import table
from provider.account import (
    compute_environment_fingerprint,
    describe_address,
    forget_own_keys,
    is_own_key,
    name_own_key,
)
from provider.models import ProviderKey
from workspaces.audit import record
from workspaces.models import User, Workspace
from workspaces.states import Action, TargetKind


@sensitive_variables("api_key")
def enter_key(*, name: str, api_key: str, by: User | None) -> None:
    """Use this key in place of the environment's of this name; "" is the installation's own."""
    with transaction.atomic():
        values = {
            "encrypted_key": encrypt(api_key.encode()),
            "instead_of": compute_environment_fingerprint(name),
            "created_by": by,
        }
        key, _ = ProviderKey.objects.update_or_create(name=name, workspace=None, defaults=values)
        _record(key, used="the key that was entered", by=by)


@transaction.atomic
def remove_key(*, name: str, by: User | None) -> bool:
    """Use the environment's key of this name again. False when none was entered."""
    key = ProviderKey.objects.select_for_update().filter(name=name, workspace=None).first()
    if key is None:
        return False
    ProviderKey.objects.filter(pk=key.pk).delete()
    _record(key, used="the key of the environment", by=by)
    return True


@sensitive_variables("api_key")
def enter_own_key(*, workspace: Workspace, api_key: str, by: User | None) -> None:
    """All calls of this workspace use this key from now on. It is sent only to the server that is called today."""
    with transaction.atomic():
        home = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        name = name_own_key(home.pk)
        values = {
            "workspace": home,
            "encrypted_key": encrypt(api_key.encode()),
            "address": describe_address(),
            "created_by": by,
        }
        if not is_own_key(home.provider_key):
            values["replaces"] = home.provider_key
        key, _ = ProviderKey.objects.update_or_create(name=name, defaults=values)
        Workspace.objects.filter(pk=home.pk).update(provider_key=name)
        _record(key, used="the workspace’s own key", by=by)


@transaction.atomic
def remove_own_key(*, workspace: Workspace, by: User | None) -> bool:
    """The workspace uses the key again that it had before. False when it has no own key."""
    home = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    key = ProviderKey.objects.filter(workspace=home).first()
    if key is None:
        return False
    if is_own_key(home.provider_key):
        Workspace.objects.filter(pk=home.pk).update(provider_key=key.replaces)
    _record(key, used="the key that it had before", by=by)
    ProviderKey.objects.filter(pk=key.pk).delete()
    return True


def _record(key: ProviderKey, *, used: str, by: User | None) -> None:
    """The entry tells that it was changed. Not even the last characters of a key are in it."""
    record(
        action=Action.CHANGE,
        kind=TargetKind.PROVIDER,
        name=str(key),
        workspace=key.workspace_id,
        by=by,
        after={"used": used},
    )
    transaction.on_commit(forget_own_keys)
    transaction.on_commit(partial(table.refresh, now=True))
