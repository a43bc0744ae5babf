"""Which provider this installation talks to, as the settings say."""

from django.conf import settings

from claude.messages import Provider

SHOWN_OF_A_KEY = 4
SHORTEST_SECRET = 12  # of a shorter one, four characters would be too much


def provider() -> Provider:
    return Provider(base_url=settings.CLAUDE_BASE_URL, api_key=settings.CLAUDE_API_KEY)


def key_shown() -> str:
    """The last four characters of the key, for people to tell two keys apart; a short key is not shown at all."""
    key = settings.CLAUDE_API_KEY
    return f"…{key[-SHOWN_OF_A_KEY:]}" if len(key) >= SHORTEST_SECRET else ""
