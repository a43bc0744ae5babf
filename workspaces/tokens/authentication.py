"""API tokens: `Authorization: Bearer lp_...` (or `Token lp_...`)."""

from datetime import timedelta

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from workspaces.isolation.reach import act_for
from workspaces.models import ApiToken, User
from workspaces.origin import name_token
from workspaces.tries import count_wrong_secret

SCHEMES = (b"bearer", b"token")
NOTED_EVERY = timedelta(minutes=1)
ANOTHER = "Make another under Settings, Tokens, or with: ./run manage create_token USER"


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The person of the token, and the token. A token that is bound to a workspace binds the person for this request."""
        words = get_authorization_header(request).split()
        if not words or words[0].lower() not in SCHEMES:
            return None
        token = ApiToken.objects.find(words[1].decode("latin-1")) if len(words) == 2 else None
        if token is None or token.revoked_at is not None or not token.user.is_active:
            raise _refuse(request, f"This token is unknown or revoked. {ANOTHER}")
        if token.is_expired:
            raise _refuse(request, f"This token expired on {token.expires_at:%-d %b %Y}. {ANOTHER}")
        _note_use(token)
        name_token(token.name)
        token.user.bound_to = token.workspace_id
        act_for(token.user)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _refuse(request: Request, words: str) -> AuthenticationFailed | Throttled:
    if wait := count_wrong_secret(request._request, "tokens"):
        return Throttled(wait=wait, detail="Too many wrong tokens came from your address. Wait five minutes.")
    return AuthenticationFailed(words)


def _note_use(token: ApiToken) -> None:
    """Note the use at most once a minute, because a write for every request would cost more than most requests."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
