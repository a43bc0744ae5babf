"""Which provider this installation talks to, as the settings say, and with which of its keys."""

from django.conf import settings

from claude.messages import Provider

SHOWN_OF_A_KEY = 4
SHORTEST_SECRET = 12  # of a shorter one, four characters would be too much


class UnknownKey(LookupError):
    """A workspace has a key of its own that this process was not given: then there is no call."""

    def __init__(self, name: str) -> None:
        variable = settings.ENVIRONMENT.name_key_variable(name)
        super().__init__(
            f"This workspace calls with the key {name!r}, and {variable} is not set. "
            "Set it wherever LoRAPipe runs, or take the key off the workspace under Admin, Workspaces; then resume."
        )


def provider(key: str = "") -> Provider:
    """The server and the key: the installation's own, or the one of this name. Raises UnknownKey.

    The simulator of the demo is the same for all.
    """
    if not key or settings.DEMO:
        return Provider(base_url=settings.CLAUDE_BASE_URL, api_key=settings.CLAUDE_API_KEY)
    if key not in settings.CLAUDE_NAMED_KEYS:
        raise UnknownKey(key)
    return Provider(base_url=settings.CLAUDE_BASE_URL, api_key=settings.CLAUDE_NAMED_KEYS[key])


def key_shown(key: str = "") -> str:
    """The last four characters of a key, for people to tell two apart; a short one is not shown at all. Raises UnknownKey."""
    secret = provider(key).api_key
    return f"…{secret[-SHOWN_OF_A_KEY:]}" if len(secret) >= SHORTEST_SECRET else ""
