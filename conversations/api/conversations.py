"""The conversations' API: the list without turns, and one conversation with its turns, to be read and changed."""

from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from django.http import Http404
from rest_framework.decorators import api_view
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.api.bodies import ConversationChangeBody, DeleteQuery, read_change
from conversations.api.conflicts import Conflict
from conversations.api.serializers import (
    ConversationsQuery,
    describe_search,
    find_conversations,
    select_for_list,
    serialize_conversation,
    serialize_summary,
)
from conversations.changes import apply_change, delete_for_good, needs_editor
from conversations.models import Conversation
from conversations.states import Status
from conversations.versions import EditError
from lib.api.etags import hold_unchanged, render_with_etag
from lib.stale_state import StaleState, Superseded
from lib.wire import fetch_slice, sort_rows, validate
from workspaces.people import get_person
from workspaces.tokens.scopes import require_scope

RELATED = ("approved_by", "template_version")


@api_view(["GET"])
def list_conversations(request: Request) -> Response:
    """The conversations that the caller may see, filtered by the query string, the newest first."""
    query = ConversationsQuery.of(request)
    enough = None if query["ordering"] else query["offset"] + query["limit"] + 1
    matched = find_conversations(Conversation.objects.visible_to(request.user), query, enough=enough)
    rows = sort_rows(select_for_list(matched.rows), query)
    searched = bool(query["search"].strip())
    found = fetch_slice(
        rows, limit=query["limit"], offset=query["offset"], searched=searched, keys=matched.keys
    )
    return Response(
        {
            "conversations": [serialize_summary(each) for each in found.rows],
            **found.about,
            **describe_search(matched),
        }
    )


@api_view(["GET", "PATCH", "DELETE"])
def show_or_change_conversation(request: Request, conversation_id: UUID) -> Response:
    if request.method == "PATCH":
        return change_conversation(request, conversation_id)
    if request.method == "DELETE":
        return delete_conversation(request, conversation_id)
    return show_conversation(request, conversation_id)


def show_conversation(request: Request, conversation_id: UUID) -> Response:
    return render_with_etag(read_conversation(request, conversation_id))


def read_conversation(request: Request, conversation_id: UUID) -> dict[str, Any]:
    rows = Conversation.objects.select_related(*RELATED)
    return serialize_conversation(rows.get_visible_or_404(request.user, conversation_id))


def hold_conversation(request: Request, found: Conversation) -> AbstractContextManager[None]:
    """Version 1 is locked before the others, as `conversations.versions` does."""
    rows = [Conversation(pk=key) for key in dict.fromkeys((found.root_id, found.pk))]
    return hold_unchanged(request, rows, lambda: read_conversation(request, found.pk))


def change_conversation(request: Request, conversation_id: UUID) -> Response:
    """Everything that the body says, in one transaction. An edit answers with the new version."""
    found: Conversation = Conversation.objects.get_reviewable_or_403(request.user, conversation_id)
    change = read_change(validate(ConversationChangeBody(data=request.data)), found)
    if needs_editor(found, change):
        Conversation.objects.get_editable_or_403(request.user, conversation_id)
    try:
        with hold_conversation(request, found):
            made = apply_change(found, change, by=get_person(request))
    except EditError as wrong:
        raise ValidationError({"turns": [str(wrong)]}) from wrong
    except StaleState as stale:
        raise Conflict(stale, found) from stale
    except Conversation.DoesNotExist as gone:
        raise Http404 from gone
    return show_conversation(request, made.pk)


def delete_conversation(request: Request, conversation_id: UUID) -> Response:
    """Archive it, or with `?hard=true` delete it for good with all its versions. One in the archive stays there."""
    found: Conversation = Conversation.objects.get_editable_or_403(request.user, conversation_id)
    query, by = DeleteQuery.of(request), get_person(request)
    if query["hard"]:
        require_scope(request, "hard")
    try:
        with hold_conversation(request, found):
            if query["hard"]:
                versions = delete_for_good(found, by=by, revision=query["revision"])
                return Response(
                    {"id": found.pk, "conversationId": found.conversation_id, "versions": versions}
                )
            if not found.is_head:
                raise Superseded("conversation")
            if found.status != Status.ARCHIVED:
                found.archive(by=by, revision=query["revision"])
    except StaleState as stale:
        raise Conflict(stale, found) from stale
    except Conversation.DoesNotExist as gone:
        raise Http404 from gone
    return show_conversation(request, found.pk)
