"""Pools of earlier versions, whose names began with a hash of the key itself: they are renamed when a stack starts.

So what was learned of a server stays: its limits, and the features that a check found missing.
"""

from django.conf import settings
from django.db import transaction
from django.db.models import Model, Value
from django.db.models.functions import Concat, Substr

from batches.models import ProviderPool, RateLimit
from provider.account import (
    FINGERPRINT_LENGTH,
    compute_account,
    compute_fingerprint,
    compute_plain_fingerprint,
    get_provider,
    list_key_names,
)
from provider.models import Finding


@transaction.atomic
def rename_pools() -> None:
    """Rename the rows of this installation's keys. Safe to run again, and while others do."""
    if settings.DEMO:
        return
    for name in list_key_names():
        provider, account = get_provider(name), compute_account(name)
        fingerprint = compute_fingerprint(provider)
        plain = compute_plain_fingerprint(provider)
        Finding.objects.filter(fingerprint=plain).update(fingerprint=fingerprint)
        for before in (fingerprint, plain):
            _rename(RateLimit, before=before, after=account)
            _rename(ProviderPool, before=before, after=account)


def _rename(model: type[Model], *, before: str, after: str) -> None:
    rows = model._default_manager.filter(pool__startswith=f"{before}:")
    if not model._default_manager.filter(pool__startswith=f"{after}:").exists():
        rows.update(pool=Concat(Value(after), Substr("pool", FINGERPRINT_LENGTH + 1)))
