"""Pools of versions before 0.2, whose names began with a plain hash of the key: they are renamed when a stack starts.

So what was learned of a server stays: its limits, and the features that a check found missing.
"""

from django.conf import settings
from django.db import transaction
from django.db.models import Model, Value
from django.db.models.functions import Concat, Substr

from batches.models import ProviderPool, RateLimit
from claude.messages import Provider
from provider.account import (
    FINGERPRINT_LENGTH,
    compute_fingerprint,
    compute_plain_fingerprint,
    get_provider,
    list_key_names,
)
from provider.models import Finding


@transaction.atomic
def rename_plain_pools() -> None:
    """Rename the rows of this installation's keys. Safe to run again, and while others do."""
    if settings.DEMO:
        return
    for name in list_key_names():
        _rename(get_provider(name))


def _rename(provider: Provider) -> None:
    before, after = compute_plain_fingerprint(provider), compute_fingerprint(provider)
    Finding.objects.filter(fingerprint=before).update(fingerprint=after)
    _rename_pools(RateLimit, before=before, after=after)
    _rename_pools(ProviderPool, before=before, after=after)


def _rename_pools(model: type[Model], *, before: str, after: str) -> None:
    rows = model._default_manager.filter(pool__startswith=f"{before}:")
    if not model._default_manager.filter(pool__startswith=f"{after}:").exists():
        rows.update(pool=Concat(Value(after), Substr("pool", FINGERPRINT_LENGTH + 1)))
