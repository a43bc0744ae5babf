"""Numbers by day of a workspace, from real rows that a pass has added up."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Model

from analytics.rolling import roll_up
from batches.models.states import LogState
from conversations.models import Conversation, Decision
from conversations.states import Status
from lib import clock
from templates_app.models import TemplateVersion
from tests import factories
from workspaces.models import User


def days_ago(days: int) -> datetime:
    """Noon of the day so many days ago, in UTC."""
    return datetime.combine(clock.today() - timedelta(days), time(12), tzinfo=UTC)


def move(row: Model, when: datetime) -> Any:
    type(row)._default_manager.filter(pk=row.pk).update(created_at=when)
    return row


def make_numbers(user: User, *, version: TemplateVersion | None = None) -> None:
    """Four conversations of two tiers, three calls of which one failed, and two decisions; one of each 40 days ago."""
    home = user.personal_workspace()
    version = version or factories.make_template(workspace=home, name="Retirement").versions.get()
    made: dict[str, Any] = {
        "by": user,
        "simulated": True,
        "template_version": version,
        "persona": "Gig Worker",
    }
    now, long_ago = days_ago(0), days_ago(40)
    for when, fields in (
        (
            now,
            {
                "tier": "template",
                "status": Status.APPROVED,
                "quality_score": Decimal("8.4"),
                "emotion": "calm",
            },
        ),
        (
            now,
            {
                "tier": "template",
                "status": Status.REJECTED,
                "quality_score": Decimal("4.0"),
                "emotion": "angry",
            },
        ),
        (now, {"tier": "edge_case", "status": Status.GENERATED, "quality_score": None, "emotion": "calm"}),
        (
            long_ago,
            {"tier": "template", "status": Status.APPROVED, "quality_score": Decimal(10), "emotion": "calm"},
        ),
    ):
        move(factories.make_conversation(**{**made, **fields}), when)
    job = factories.make_job(workspace=home, by=user, total_items=1)
    call: dict[str, Any] = {
        "template_version": version,
        "model": "claude-sonnet-5-5",
        "item": factories.make_item(job=job, version=version),
    }
    for when, state, kind, cost in (
        (now, LogState.SUCCEEDED, "", "0.02"),
        (now, LogState.FAILED, "overloaded", "0.01"),
        (long_ago, LogState.SUCCEEDED, "", "0.04"),
    ):
        row = factories.make_log(
            **call, pool="demo:claude-sonnet-5-5", state=state, error_kind=kind, cost_usd=Decimal(cost)
        )
        move(row, when)
    first = Conversation.objects.visible_to(user).order_by("created_at")[0]
    for number, (when, status) in enumerate(((now, Status.APPROVED), (long_ago, Status.REJECTED)), 1):
        Decision.objects.create(
            conversation=first,
            workspace=first.workspace,
            created_at=when,
            from_status=Status.GENERATED,
            to_status=status,
            who_name=user.username,
            revision=number,
        )
    roll_up(everything=True)
