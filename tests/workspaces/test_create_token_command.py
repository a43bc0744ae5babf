"""`./run manage create_token`: the same options as the page."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.factories import make_user, make_workspace
from workspaces.models import ApiToken, User, hash_secret
from workspaces.states import Scope

pytestmark = pytest.mark.django_db


def make(*words: str) -> ApiToken:
    out = StringIO()
    call_command("create_token", *words, stdout=out)
    return ApiToken.objects.get(token_hash=hash_secret(out.getvalue().strip()))


def test_a_year_to_work_is_the_default(owner: User) -> None:
    token = make("owner")
    assert (token.scope, token.workspace, token.name) == (Scope.RUN, None, "command line")
    assert token.expires_at is not None
    assert timedelta(days=364) < token.expires_at - timezone.now() < timedelta(days=366)


def test_every_option(owner: User) -> None:
    shared = make_workspace(owner=owner)
    token = make("owner", "--name", "x", "--scope", "admin", "--days", "never", "--workspace", str(shared.pk))
    assert (token.scope, token.workspace, token.expires_at) == (Scope.ADMIN, shared, None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--days", "0"], "a number of days from 1 to 3650, or never"),
        (["--days", "soon"], "a number of days from 1 to 3650, or never"),
        (["--scope", "root"], "invalid choice: 'root'"),
        (["--workspace", "7f0e5e0e-0000-4000-8000-000000000000"], "owner is in no workspace"),
    ],
)
def test_what_cannot_be_is_named(owner: User, words: list[str], told: str) -> None:
    foreign: Any = make_workspace(owner=make_user())
    with pytest.raises(CommandError, match=told):
        call_command("create_token", "owner", *words)
    with pytest.raises(CommandError, match="owner's workspace"):
        call_command("create_token", "owner", "--workspace", str(foreign.pk))
    assert not ApiToken.objects.exists()
