"""The list of conversations and the page of one."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from conversations import quality
from conversations.history import read_conversation_history
from conversations.judging.listing import list_judgements_of
from conversations.models import Conversation
from conversations.models.search import Snippet, find_snippets
from conversations.quality.flags import Flag, read_flags
from conversations.web.columns import OPTIONAL, read_columns
from conversations.web.flags import describe_flags
from conversations.web.forms import FLAGGED_FIRST, NEWEST, FilterForm, select_for_list
from conversations.web.peek import read_peek, write_list_query
from conversations.web.saved_views import list_view_links
from conversations.web.trail import PER_PAGE, find_trail
from conversations.web.version_views import build_chain_context
from lib.htmx import is_target
from lib.paging import Address, fetch_page


@require_safe
@login_required
def list_conversations(request: HttpRequest) -> HttpResponse:
    """The conversations that one may see, filtered by the query string, and the one that it peeks at.

    The live search gets only `#table`, and what opens or closes the panel only `#peek`.
    """
    visible = Conversation.objects.visible_to(request.user)
    beside = {"peek": read_peek(request, visible), "back": write_list_query(request.GET)}
    if is_target(request, "peek"):
        return render(request, "conversations/peek.html", beside)
    form = FilterForm(request.GET)
    enough = Address.of(request).read_page_number() * PER_PAGE + 1
    found = form.find_listed(visible, enough=enough)
    rows = select_for_list(found.rows)
    searched = bool(form.search_text.strip())
    page = fetch_page(rows, request, per=PER_PAGE, searched=searched, keys=found.keys)
    context = {
        "form": form,
        "page": page,
        "lines": build_lines(page.rows, form.search_text),
        "searched": found,
        "chips": form.chips(),
        "active": form.active(),
        "order": form.order,
        "newest": NEWEST,
        "flagged_first": FLAGGED_FIRST,
        "kept": [
            (name, value)
            for name in request.GET
            for value in request.GET.getlist(name)
            if is_kept_filter(name)
        ],
        "columns": read_columns(request),
        "all_columns": OPTIONAL.items(),
        "view_links": list_view_links(request),
        **beside,
    }
    part = "#table" if is_target(request, "table") else ""
    return render(request, f"conversations/conversations.html{part}", context)


class Line(NamedTuple):
    """A row of the list. `flags`: each kind that it has, with how often; `snippet`: the turn that the search has found."""

    row: Conversation
    flags: list[tuple[Flag, int]]
    snippet: Snippet | None


def build_lines(rows: Sequence[Conversation], text: str) -> list[Line]:
    keys = [row.pk for row in rows]
    snippets = find_snippets(Conversation.objects.all(), keys, text)
    return [Line(row, count_kinds(read_flags(row.flags)), snippets.get(row.pk)) for row in rows]


def count_kinds(flags: Sequence[Flag]) -> list[tuple[Flag, int]]:
    """One flag of each kind in their order, with the number of that kind."""
    first = {flag.kind: flag for flag in reversed(flags)}
    counts = Counter(flag.kind for flag in flags)
    return [(first[kind], count) for kind, count in counts.items()]


def is_kept_filter(name: str) -> bool:
    """Whether a new search keeps this filter."""
    return name in FilterForm.base_fields and name != "q"


@require_safe
@login_required
def show_conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """One conversation with its turns, its score and its origin. 404 if it belongs to somebody else."""
    related = ("template_version__template", "root__batch_item", "origin_job", "approved_by")
    found: Conversation = Conversation.objects.select_related(*related).get_visible_or_404(
        request.user, conversation_id
    )
    chain = build_chain_context(found)
    context = {
        **chain,
        "conversation": found,
        "turns": list(found.turns.all()),
        "metrics": describe_metrics(found.quality_metrics),
        "log": (log := find_log(found)),
        "took": log.duration_ms / 1000 if log and log.duration_ms else None,
        "parameters": sorted(found.parameters.items()),
        "history": read_conversation_history(found, keys=chain["keys"]),
        "flags": describe_flags(found),
        "judgement": next(iter(list_judgements_of(found, most=1)), None),
        "trail": find_trail(found, query=request.GET.get("back", ""), user=request.user),
    }
    return render(request, "conversations/conversation.html", context)


def find_log(found: Conversation) -> Any:
    """The attempt that gave this conversation; without the raw payloads, which can be megabytes."""
    return (
        # The log row of a judgement names its conversation, too, but has no template version.
        found.logs.filter(state="succeeded", template_version__isnull=False)
        .defer("request_payload", "response_payload", "response_body")
        .first()
    )


def describe_metrics(stored: dict[str, Any]) -> list[dict[str, Any]]:
    """The three measures of the structure score in words, as stored with the score."""
    if stored.get("formula") != quality.FORMULA_VERSION:
        return []
    rows = (
        (
            "Turn count",
            "turn_count_score",
            quality.TURN_COUNT_WEIGHT,
            f"{stored['turn_count']} turns; 8 to 16 score 10",
        ),
        (
            "Mean length",
            "length_score",
            quality.LENGTH_WEIGHT,
            f"{stored['mean_length']:.0f} characters; 100 to 500 score 10",
        ),
        ("Structure", "structure_score", quality.STRUCTURE_WEIGHT, "roles alternate, user first"),
    )
    return [
        {"name": name, "score": stored[key], "weight": int(weight * Decimal(100)), "words": words}
        for name, key, weight, words in rows
    ]
