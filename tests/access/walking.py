"""The walk over every URL: what belongs to A, what fills the places of an address, and how two answers are compared."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from django.http import HttpResponse
from django.test import Client

from background.models import BackgroundJob
from batches.models import BatchJob
from conversations.models import Conversation
from templates_app.models import PromptTemplate
from tests.access.urls import Url, every_url
from workspaces.models import ApiToken, Membership, User

# Health for machines, and how one signs in. Static files are no URLs of ours.
OPEN = {"healthz", "readyz", "sign_in", "sign_in_link", "sign_out", "theme"}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What fills the places of the URLs that name no row of anybody's.
HARMLESS = {
    "position": "1",
    "token": "wrong",
    "app_label": "batches",
    "url": "nothing",
    "kind": "starter",
    "name": "conversations",
    "content_type_id": "1",
    **dict.fromkeys(("number", "old", "new"), "1"),
}
# The places that name a row: the walk fills them with A's, then with one that is not there.
ROWS = (
    *("job_id", "conversation_id", "template_id", "object_id", "id", "item_id", "export_id"),
    *("entry_id", "import_id", "file_id", "comment_id", "score_id", "background_id"),
    *("workspace_id", "member_id", "token_id", "view_id"),
)
MARK = "SECRET-OF-A"
MASKED = re.compile(
    r"csrfmiddlewaretoken\" value=\"\w+|nonce=\"\w+|X-CSRFToken&quot;: ?&quot;\w+|X-CSRFToken\": ?\"\w+"
)


class Belongings(NamedTuple):
    """One row of each kind that is A's."""

    user: User
    job: BatchJob
    conversation: Conversation
    template: PromptTemplate
    rows: list[Any]
    by_place: Mapping[str, str]

    def state(self) -> tuple[Any, ...]:
        """What no request of somebody else may change."""
        self.job.refresh_from_db()
        self.conversation.refresh_from_db()
        self.template.refresh_from_db()
        items = list(self.job.items.order_by("pk").values_list("status", flat=True))
        template = (self.template.name, self.template.archived_at, self.template.versions.count())
        for row in self.rows:
            row.refresh_from_db()
        rows = [(row.name, row.archived_at, row.position) for row in self.rows]
        rows.extend(Membership.objects.order_by("pk").values_list("pk", "role", "workspace__name"))
        rows.extend(ApiToken.objects.order_by("pk").values_list("pk", "name", "revoked_at"))
        rows.extend(BackgroundJob.objects.order_by("pk").values_list("name", "cancel_asked_at", "status"))
        return rows, self.job.status, items, self.conversation.status, self.conversation.title, template


def product_urls() -> list[Url]:
    return [url for url in every_url() if not url.name.startswith("admin:")]


def admin_urls() -> list[Url]:
    return [url for url in every_url() if url.name.startswith("admin:")]


def places(url: Url, filled: Mapping[str, str]) -> dict[str, str]:
    missing = set(url.parameters) - filled.keys() - HARMLESS.keys()
    assert not missing, f"{url.form}: say in this test what fills {missing}"
    return {**HARMLESS, **filled}


def send(client: Client, method: str, path: str) -> HttpResponse:
    body = {"action": "cancel"}
    # Error pages show the request's id, which would differ.
    headers = {"X-Request-Id": "the-same-each-time"}
    if path.startswith("/api/"):
        response = client.generic(
            method, path, json.dumps(body), content_type="application/json", headers=headers
        )
    elif method in ("GET", "POST"):
        response = getattr(client, method.lower())(path, body if method == "POST" else None, headers=headers)
    else:
        response = client.generic(method, path, headers=headers)
    return response  # type: ignore[return-value]


# --- nobody signed in ------------------------------------------------------------------------------------


def pair(client: Client, method: str, url: Url, theirs: Belongings) -> tuple[HttpResponse, HttpResponse]:
    """The answers for A's row and for a row that nobody has."""
    nobody = dict.fromkeys(ROWS, str(uuid4()))
    known = url.path(places(url, {**nobody, **theirs.by_place}))
    return send(client, method, known), send(client, method, url.path(places(url, nobody)))


def same(hidden: HttpResponse, missing: HttpResponse, theirs: Belongings) -> bool:
    return hidden.status_code == missing.status_code and plain(hidden) == plain(missing)


def plain(response: HttpResponse) -> str:
    """Without what differs from one request to the next anyway: ids of the path, and one-time tokens."""
    ids = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    return re.sub(ids, "ID", MASKED.sub("", response.content.decode()))
