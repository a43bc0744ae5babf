"""API tokens: `Authorization: Bearer lp_...` (or `Token lp_...`)."""

from datetime import timedelta

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from workspaces.isolation.reach import act_for
from workspaces.models import ApiToken, User, hash_secret
from workspaces.origin import name_token

SCHEMES = (b"bearer", b"token")
NOTED_EVERY = timedelta(minutes=1)


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() not in SCHEMES:
            return None
        token = _find_token(words[1:])
        if token is None or not token.user.is_active:
            raise AuthenticationFailed(
                "This token is unknown or revoked. Make one with: ./run manage create_token USER"
            )
        name_token(token.name)
        act_for(token.user)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _find_token(words: list[bytes]) -> ApiToken | None:
    if len(words) != 1:
        return None
    found = (
        ApiToken.objects.select_related("user")
        .filter(token_hash=hash_secret(words[0].decode("latin-1")), revoked_at=None)
        .first()
    )
    if found is not None:
        _note_use(found)
    return found


def _note_use(token: ApiToken) -> None:
    """Note the use at most once a minute, because a write for every request would cost more than most requests."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
