"""Actions on a workspace as a whole, and on the keys of its people."""

import logging
import secrets
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from workspaces.audit import record
from workspaces.models import ApiToken, SignInLink, User, UseStatement, Workspace, hash_secret
from workspaces.states import Action, Authorisation, TargetKind

logger = logging.getLogger(__name__)


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


@sensitive_variables("text")
@transaction.atomic
def create_token(user: User, *, name: str, by: User | None = None) -> str:
    """Make an API token and return its text, which cannot be read again."""
    text = f"lp_{secrets.token_urlsafe(32)}"
    token = ApiToken.objects.create(user=user, name=name, token_hash=hash_secret(text))
    record(action=Action.CREATE, kind=TargetKind.API_TOKEN, target=token, by=by)
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
def create_sign_in_link(user: User, *, by: User | None = None) -> str:
    """Make a link and return its secret. It works once, within 15 minutes (`SIGN_IN_LINK_LIFETIME`)."""
    text = secrets.token_urlsafe(32)
    expires_at = timezone.now() + settings.SIGN_IN_LINK_LIFETIME
    link = SignInLink.objects.create(user=user, token_hash=hash_secret(text), expires_at=expires_at)
    record(action=Action.CREATE, kind=TargetKind.SIGN_IN_LINK, target=link, by=by)
    return text
