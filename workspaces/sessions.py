"""Sessions in the database that end: after a time without a request, and at the latest some time after signing in."""

import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

BEGAN = "began_at"  # seconds since 1970
WRITTEN_EVERY = 24  # parts of the idle time: a write for each request would cost more than most requests


class SessionStore(DatabaseStore):
    """`SESSION_COOKIE_AGE` is the idle time: a request makes it begin again. `SESSION_MAX_AGE` counts from signing in."""

    def load(self) -> dict[str, Any]:
        """What the session holds; nothing once it is too old, as if it had never been."""
        row = self._get_session_from_db()  # type: ignore[attr-defined]
        if row is None:
            return {}
        kept: dict[str, Any] = self.decode(row.session_data)
        if time.time() - kept.get(BEGAN, time.time()) > settings.SESSION_MAX_AGE:
            self.delete(row.session_key)
            self._session_key = None
            return {}
        idle = timedelta(seconds=settings.SESSION_COOKIE_AGE)
        if BEGAN not in kept or row.expire_date - timezone.now() < idle - idle / WRITTEN_EVERY:
            self.modified = True  # written with this answer, and the idle time begins again
        return kept

    def save(self, must_create: bool = False) -> None:
        # Not `self.setdefault`: it would look a session up that is only being made.
        self._get_session(no_load=must_create).setdefault(BEGAN, int(time.time()))  # type: ignore[attr-defined]
        super().save(must_create)

    def cycle_key(self) -> None:
        """Another key for the same person, who has just proved who they are: the time begins anew."""
        self[BEGAN] = int(time.time())
        super().cycle_key()
