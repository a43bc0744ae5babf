"""API tokens: `Authorization: Bearer lp_...` (or `Token lp_...`)."""

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from workspaces.models import ApiToken, User, hashed

WORDS = (b"bearer", b"token")


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() not in WORDS:
            return None
        token = _token(words[1:])
        if token is None or not token.user.is_active:
            raise AuthenticationFailed(
                "This token is unknown or revoked. Make one with: ./run manage create_token USER"
            )
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _token(words: list[bytes]) -> ApiToken | None:
    if len(words) != 1:
        return None
    found = (
        ApiToken.objects.select_related("user")
        .filter(token_hash=hashed(words[0].decode("latin-1")), revoked_at=None)
        .first()
    )
    if found is not None:
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=timezone.now())
    return found
