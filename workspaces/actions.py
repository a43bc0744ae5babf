"""Actions on a workspace as a whole, and on the keys of its people. Those on its members are in `workspaces.members`."""

import logging
import secrets
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from workspaces.audit import record
from workspaces.models import ApiToken, SignInLink, User, UseStatement, Workspace, hash_secret
from workspaces.states import Action, Authorisation, Scope, TargetKind

logger = logging.getLogger(__name__)


class Refused(Exception):
    """Why something about people, workspaces or keys cannot be done, in a sentence for people."""


@transaction.atomic
def state_use(
    *, workspace: Workspace, purpose: str, authorisation: Authorisation, reference: str = "", by: User
) -> UseStatement:
    """State what the conversations are for. Earlier statements are kept, with their author and time."""
    made = UseStatement.objects.create(
        workspace=workspace,
        created_by=by,
        purpose=purpose.strip(),
        authorisation=authorisation,
        reference=reference.strip(),
    )
    after = {"authorisation": authorisation}
    record(action=Action.STATE_USE, kind=TargetKind.WORKSPACE, target=workspace, by=by, after=after)
    logger.info("Workspace %s: intended use stated as %s by %s", workspace.pk, authorisation, by.pk)
    return made


@transaction.atomic
def change_month_budget(*, workspace: Workspace, budget_usd: Decimal | None, by: User) -> None:
    """Set the limit for a month, or remove it. It applies from the next claim on; calls in flight are not affected."""
    rows = Workspace.objects.filter(pk=workspace.pk)
    before = rows.select_for_update(no_key=True).values("monthly_budget_usd").get()
    rows.update(monthly_budget_usd=budget_usd)
    after = {"monthly_budget_usd": budget_usd}
    if before != after:
        record(
            action=Action.CHANGE_BUDGET,
            kind=TargetKind.WORKSPACE,
            target=workspace,
            by=by,
            before=before,
            after=after,
        )
    logger.info("Workspace %s: monthly budget set to %s by %s", workspace.pk, budget_usd, by.pk)


# --- keys ----------------------------------------------------------------------------------------------

# A key that nobody misses should end by itself; once a year is a small duty for those who use one.
TOKEN_DAYS = 365
MOST_TOKENS = 50  # of a person, revoked ones apart


@sensitive_variables("text")
@transaction.atomic
def create_token(
    user: User,
    *,
    name: str,
    scope: Scope = Scope.RUN,
    workspace: Workspace | None = None,
    days: int | None = TOKEN_DAYS,
    by: User | None = None,
) -> str:
    """Make an API token and return its text, which cannot be read again.

    It works for `days` days, or with None until it is revoked, and in `workspace` alone if one is given. Raises Refused for
    a person who has fifty (`MOST_TOKENS`).
    """
    if ApiToken.objects.filter(user=user, revoked_at=None).count() >= MOST_TOKENS:
        raise Refused(f"There are {MOST_TOKENS} tokens already. Revoke one that is not used any more.")
    text = f"lp_{secrets.token_urlsafe(32)}"
    expires_at = None if days is None else timezone.now() + timedelta(days=days)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        token_hash=hash_secret(text),
        scope=scope,
        workspace=workspace,
        expires_at=expires_at,
    )
    after = {"scope": scope, "expires": expires_at, "workspace": workspace}
    record(action=Action.CREATE, kind=TargetKind.API_TOKEN, target=token, by=by, after=after)
    return text


@transaction.atomic
def revoke_token(token: ApiToken, *, by: User | None) -> bool:
    """Revoke a token for good. Returns False if it was revoked before."""
    moment = timezone.now()
    if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=moment):
        return False
    token.revoked_at = moment
    record(action=Action.REVOKE, kind=TargetKind.API_TOKEN, target=token, by=by)
    return True


@sensitive_variables("text")
@transaction.atomic
def create_sign_in_link(
    user: User,
    *,
    lifetime: timedelta | None = None,
    workspace: Workspace | None = None,
    by: User | None = None,
) -> str:
    """Make a link and return its secret. It works once, within 15 minutes (`SIGN_IN_LINK_LIFETIME`) or the lifetime given.

    `workspace` is that whose owner makes it: its history tells of it.
    """
    text = secrets.token_urlsafe(32)
    expires_at = timezone.now() + (lifetime or settings.SIGN_IN_LINK_LIFETIME)
    link = SignInLink.objects.create(user=user, token_hash=hash_secret(text), expires_at=expires_at)
    place = workspace.pk if workspace else None
    record(action=Action.CREATE, kind=TargetKind.SIGN_IN_LINK, target=link, workspace=place, by=by)
    return text


def change_password(user: User, *, password: str, by: User | None) -> None:
    """Set a password. Every session of the person ends, and no sign-in link that was made before works any more.

    The caller has checked the password, and keeps the session that asks for it. Raises HashingBusy of `lorapipe.sign_in_limits`.
    """
    hashed = make_password(password)  # half a second: not while a transaction is open
    with transaction.atomic():
        user.password = hashed
        user.save(update_fields=["password"])
        SignInLink.end_all_of(user)
        record(action=Action.CHANGE_PASSWORD, kind=TargetKind.PERSON, target=user, by=by)
