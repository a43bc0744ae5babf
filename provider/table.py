"""The model table in force: composed from its rows, kept as versions, and brought into every process.

A process looks at most every two seconds, with one small query, where work begins: a plan, an item, a tick, a page.
Between those nothing changes under a call's feet.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from django.db import connection, transaction
from django.utils import timezone

from claude import current_models
from claude.model_card import ModelCard, ModelTable, PriceRow, UnknownModel, UnknownPrice
from claude.shipped import SHIPPED
from provider import contents
from provider.account import provider
from provider.models import Finding, LanguageModel, LineupVersion, ModelPrice
from workspaces.audit import record
from workspaces.models import User
from workspaces.states import Action, TargetKind

LOOK_EVERY_S = 2.0
# Whoever changes the table composes it while holding this lock: two at once would each leave out the other's change.
TABLE_LOCK = 0x10AA0DE1
STAMP = """
SELECT (SELECT max(id) FROM lineup_versions), (SELECT max(id) FROM provider_findings WHERE fingerprint = %s)
"""

T = TypeVar("T")


class _Seen:
    """What this process has put in force, and when it looked."""

    lock = threading.Lock()
    stamp: tuple[int | None, ...] = (None, None)
    at = float("-inf")


def refresh(*, now: bool = False) -> bool:
    """Put in force what the rows say, if that is something new; True when it was. Without rows the shipped table counts."""
    if not now and time.monotonic() - _Seen.at < LOOK_EVERY_S:
        return False
    with _Seen.lock:
        stamp = _stamp()
        _Seen.at = time.monotonic()
        if stamp == _Seen.stamp:
            return False
        current_models.activate(_with_findings(newest()))
        _Seen.stamp = stamp
        return True


def forget() -> None:
    """Back to the shipped table, as a process that has never looked."""
    with _Seen.lock:
        _Seen.stamp, _Seen.at = (None, None), float("-inf")
        current_models.activate(SHIPPED)


def known(ask: Callable[[], T]) -> T:
    """What `ask` finds in the table. Before a model or a price counts as unknown, the rows are looked at once more."""
    refresh()
    asked_of = _Seen.stamp
    try:
        return ask()
    except (UnknownModel, UnknownPrice):
        refresh(now=True)
        if (
            _Seen.stamp == asked_of
        ):  # not whether this look found something: another thread may have looked first
            raise
        return ask()


def newest() -> ModelTable:
    """The newest version that is stored, as somebody has made it; findings are not in it."""
    found = LineupVersion.objects.first()
    return contents.lineup_of(found.name, found.content) if found else SHIPPED


def lock_table() -> None:
    """Until the end of the transaction nobody else changes the table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TABLE_LOCK])


@transaction.atomic
def publish(*, by: User | None = None) -> LineupVersion | None:
    """Make what the rows say a version, and put it in force when this commits. None when nothing has changed.

    Call it last, in the transaction that changed the rows.
    """
    lock_table()
    content = contents.content_of(composed())
    before = LineupVersion.objects.first()
    if before is not None and before.content == content:
        return None
    made = LineupVersion.objects.create(name=_name_of(content), content=content, created_by=by)
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


def composed() -> ModelTable:
    """The table as its rows are now."""
    rows = LanguageModel.objects.order_by("position", "name")
    prices = ModelPrice.objects.select_related("model")
    return ModelTable(
        version="",
        all_cards=tuple(contents.card(row.name, contents.values_of_row(row)) for row in rows),
        prices=tuple(
            PriceRow(
                model=row.model.name,
                valid_from=row.valid_from,
                above_prompt_tokens=row.above_prompt_tokens,
                price=contents.price_of_row(row),
            )
            for row in prices
        ),
    )


def _name_of(content: object) -> str:
    """The shipped table keeps its own name: a log row that names it means it, before and after rows existed."""
    if (
        content == contents.content_of(SHIPPED)
        and not LineupVersion.objects.filter(name=SHIPPED.version).exists()
    ):
        return SHIPPED.version
    return f"{timezone.now():%Y-%m-%d}.{LineupVersion.objects.count() + 1}"


def _stamp() -> tuple[int | None, ...]:
    with connection.cursor() as cursor:
        cursor.execute(STAMP, [provider().fingerprint])
        found: tuple[int | None, ...] = cursor.fetchone()
    return found


def _with_findings(table: ModelTable) -> ModelTable:
    """What a check found missing on the server in use is not asked of it, whatever the rows say of the model."""
    found = Finding.objects.newest_of_each_model(provider().fingerprint)
    missing = {each.model: each for each in found if each.counts_tokens is False or not_structured(each)}
    if not missing:
        return table
    return replace(table, all_cards=tuple(_without(each, missing) for each in table.all_cards))


def not_structured(finding: Finding) -> bool:
    return finding.structured_outputs is False


def _without(card: ModelCard, missing: dict[str, Finding]) -> ModelCard:
    for name in (card.id, *card.aliases):
        if name in missing:
            return replace(
                card,
                counts_tokens=card.counts_tokens and missing[name].counts_tokens is not False,
                structured_outputs=card.structured_outputs and not not_structured(missing[name]),
            )
    return card
