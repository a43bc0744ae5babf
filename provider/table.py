"""The current model table: composed from the stored models, saved as versions, and loaded by every process.

With it comes what else may change while everything runs: the findings of checks, and the keys that were entered
(`provider.keys`). A process looks for a new version where work begins (a plan, an item, a tick, a page), at most every two seconds and
with one small query. The table never changes during a call.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from django.db import connection, transaction
from django.utils import timezone

from claude import current_models
from claude.model_card import ModelCard, ModelTable, PriceRow, UnknownModel, UnknownPrice
from claude.shipped import SHIPPED
from provider import contents
from provider.account import compute_fingerprint, forget_own_keys, get_provider, use_entered_keys
from provider.models import Finding, LanguageModel, ModelPrice, ModelTableVersion
from workspaces.audit import record
from workspaces.models import User
from workspaces.states import Action, TargetKind

LOOK_EVERY_S = 2.0
# Whoever changes the table composes it under this lock. Without it, two changes at once would each miss the other.
TABLE_LOCK = 0x10AA0DE1
STAMP = """
SELECT (SELECT max(id) FROM lineup_versions), (SELECT max(id) FROM provider_findings),
       -- the keys that stand in for the environment's: they are few. Those of workspaces are read one by one.
       (SELECT array_agg(ARRAY[name, instead_of, encrypted_key] ORDER BY name) FROM provider_keys WHERE workspace_id IS NULL)
"""

T = TypeVar("T")


class _State:
    """The version that this process uses, and when it looked for a new one."""

    lock = threading.Lock()
    stamp: tuple[Any, ...] = (None, None, None)
    at = float("-inf")


def refresh(*, now: bool = False) -> bool:
    """Use the newest version and keys, and return whether any is new. Without stored versions the shipped table is used."""
    if not now and time.monotonic() - _State.at < LOOK_EVERY_S:
        return False
    with _State.lock:
        stamp = _read_stamp()
        _State.at = time.monotonic()
        if stamp == _State.stamp:
            return False
        use_entered_keys(stamp[2] or ())
        current_models.activate(_apply_findings(load_newest()))
        _State.stamp = stamp
        return True


def forget() -> None:
    """Use the shipped table again, like a process that has never looked."""
    with _State.lock:
        _State.stamp, _State.at = (None, None, None), float("-inf")
        use_entered_keys(())
        forget_own_keys()
        current_models.activate(SHIPPED)


def look_up(ask: Callable[[], T]) -> T:
    """The result of `ask`. If a model or price is unknown, the newest version is loaded and `ask` runs once more."""
    refresh()
    stamp = _State.stamp
    try:
        return ask()
    except (UnknownModel, UnknownPrice):
        refresh(now=True)
        # The result of `refresh` does not tell: another thread may have loaded the new version already.
        if _State.stamp == stamp:
            raise
        return ask()


def load_newest() -> ModelTable:
    """The newest stored version, without the findings of checks."""
    found = ModelTableVersion.objects.first()
    return contents.load_table(found.name, found.content) if found else SHIPPED


def lock_table() -> None:
    """Keep everybody else from changing the table until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TABLE_LOCK])


@transaction.atomic
def publish(*, by: User | None = None) -> ModelTableVersion | None:
    """Save the current models and prices as a version, which is used when this commits. None if nothing has changed.

    Call it last in the transaction that changed them.
    """
    lock_table()
    content = contents.dump_table(compose_table())
    before = ModelTableVersion.objects.first()
    if before is not None and before.content == content:
        return None
    made = ModelTableVersion.objects.create(name=_choose_name(content), content=content, created_by=by)
    record(
        action=Action.PUBLISH,
        kind=TargetKind.MODEL_TABLE,
        target=made,
        by=by,
        before={"version": before and before.name},
        after={"version": made.name},
    )
    transaction.on_commit(partial(refresh, now=True))
    return made


def compose_table() -> ModelTable:
    """The table as the models and prices are now."""
    models = LanguageModel.objects.order_by("position", "name")
    prices = ModelPrice.objects.select_related("model")
    return ModelTable(
        version="",
        all_cards=tuple(
            contents.build_card(model.name, contents.get_model_values(model)) for model in models
        ),
        prices=tuple(
            PriceRow(
                model=price.model.name,
                valid_from=price.valid_from,
                above_prompt_tokens=price.above_prompt_tokens,
                price=contents.build_price(price),
            )
            for price in prices
        ),
    )


def _choose_name(content: object) -> str:
    """The shipped table keeps its own name, so that older log rows that name it still refer to it."""
    if (
        content == contents.dump_table(SHIPPED)
        and not ModelTableVersion.objects.filter(name=SHIPPED.version).exists()
    ):
        return SHIPPED.version
    return f"{timezone.now():%Y-%m-%d}.{ModelTableVersion.objects.count() + 1}"


def _read_stamp() -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(STAMP)
        found: tuple[Any, ...] = cursor.fetchone()
    return found


def _apply_findings(table: ModelTable) -> ModelTable:
    """The table without the features that a check found missing on the current server."""
    found = Finding.objects.newest_of_each_model(compute_fingerprint(get_provider()))
    missing = {
        each.model: each for each in found if each.counts_tokens is False or lacks_structured_outputs(each)
    }
    if not missing:
        return table
    return replace(table, all_cards=tuple(_remove_missing(each, missing) for each in table.all_cards))


def lacks_structured_outputs(finding: Finding) -> bool:
    return finding.structured_outputs is False


def _remove_missing(card: ModelCard, missing: dict[str, Finding]) -> ModelCard:
    for name in (card.id, *card.aliases):
        if name in missing:
            return replace(
                card,
                counts_tokens=card.counts_tokens and missing[name].counts_tokens is not False,
                structured_outputs=card.structured_outputs and not lacks_structured_outputs(missing[name]),
            )
    return card
