"""The entries of signing in and out. Failed ones are bounded, so that guessing passwords cannot fill the disk."""

import logging
from datetime import timedelta

from django.db import transaction

from workspaces.audit import name_person, record
from workspaces.isolation.reach import act_for, reach_all
from workspaces.models import AuditEntry, ClockTimestamp, User
from workspaces.origin import find_origin
from workspaces.states import Action, TargetKind

logger = logging.getLogger(__name__)

SOMEBODY = "somebody"
MOST_FAILED_AN_HOUR = 200  # in the whole installation; with the space of an entry at most 2 MB a day
NO_MORE = {"note": "further failed sign-ins of this hour are not recorded"}


def record_sign_in(person: User, *, by_link: bool = False) -> None:
    """Call it in the transaction of the sign-in."""
    act_for(person)
    way = {"by": "link" if by_link else "password"}
    record(
        action=Action.SIGN_IN,
        kind=TargetKind.PERSON,
        target=person,
        name=name_person(person),
        by=person,
        after=way,
    )


@transaction.atomic
def record_sign_out(person: User) -> None:
    record(action=Action.SIGN_OUT, kind=TargetKind.PERSON, target=person, name=name_person(person), by=person)


@reach_all()
@transaction.atomic
def record_failed_sign_in(username: str) -> None:
    """Record whose password was wrong. A name that nobody has is not recorded: it may be a password in the wrong field.

    The entry is in the personal workspace of that person; of nobody, only superusers see it. There are at most
    `MOST_FAILED_AN_HOUR`; the last one of them says that there may be more.
    """
    logger.warning("A sign-in from %s failed", find_origin().address or "an unknown address")
    since = ClockTimestamp() - timedelta(hours=1)
    earlier = AuditEntry.objects.filter(action=Action.FAIL_SIGN_IN, created_at__gt=since)
    so_far = earlier.order_by()[:MOST_FAILED_AN_HOUR].count()
    if so_far >= MOST_FAILED_AN_HOUR:
        return
    person = User.objects.filter(username=username).first() if username else None
    record(
        action=Action.FAIL_SIGN_IN,
        kind=TargetKind.PERSON,
        target=person,
        name=name_person(person) if person else "an unknown name",
        by=None,
        who_name=SOMEBODY,
        after=NO_MORE if so_far == MOST_FAILED_AN_HOUR - 1 else {},
    )
