"""What one does with a workspace as a whole."""

import logging
from decimal import Decimal

from workspaces.models import User, UseStatement, Workspace
from workspaces.states import Authorisation

logger = logging.getLogger(__name__)


def state_use(
    *, workspace: Workspace, purpose: str, authorisation: Authorisation, reference: str = "", by: User
) -> UseStatement:
    """Say what the conversations are for. Earlier statements stay, with who made them and when."""
    made = UseStatement.objects.create(
        workspace=workspace,
        created_by=by,
        purpose=purpose.strip(),
        authorisation=authorisation,
        reference=reference.strip(),
    )
    logger.info("Workspace %s: intended use stated as %s by %s", workspace.pk, authorisation, by.pk)
    return made


def change_month_budget(*, workspace: Workspace, budget_usd: Decimal | None, by: User) -> None:
    """Another limit for a month, or none. The next claim respects it; what is in flight is not touched."""
    Workspace.objects.filter(pk=workspace.pk).update(monthly_budget_usd=budget_usd)
    logger.info("Workspace %s: monthly budget set to %s by %s", workspace.pk, budget_usd, by.pk)
