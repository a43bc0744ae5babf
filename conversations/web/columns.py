"""Which columns the list of conversations shows in this browser. The title, which leads to the conversation, always stays."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_POST

from conversations.web.forms import read_filter
from conversations.web.peek import PEEK
from workspaces.web.sign_in import YEAR_S

COOKIE = "columns"  # `title.flags.age`; the title is always in it, so that it is never empty
TITLE = "title"
OPTIONAL = {
    "flags": "Flags",
    "score": "Score",
    "status": "Status",
    "tier": "Tier",
    "turns": "Turns",
    "batch": "Batch",
    "cost": "Cost",
    "age": "Age",
}


def read_columns(request: HttpRequest) -> frozenset[str]:
    """The optional columns that this browser shows: all of them until somebody has chosen."""
    kept = request.COOKIES.get(COOKIE, "").split(".")
    return frozenset(OPTIONAL).intersection(kept) if TITLE in kept else frozenset(OPTIONAL)


@require_POST
@login_required
def choose_columns(request: HttpRequest) -> HttpResponse:
    """Keep the ticked columns in a cookie, as the theme is kept, and show the list again. `standard` forgets the choice."""
    response = HttpResponseRedirect(_link_to_list(request))
    if "standard" in request.POST:
        response.delete_cookie(COOKIE, samesite="Lax")
        return response
    ticked = request.POST.getlist("column")
    chosen = ".".join([TITLE, *(name for name in OPTIONAL if name in ticked)])
    response.set_cookie(COOKIE, chosen, max_age=YEAR_S, samesite="Lax")
    return response


def _link_to_list(request: HttpRequest) -> str:
    """The list as it was: with its filters, its page and its panel. Raises BadRequest for a filter that is too long."""
    query = QueryDict(read_filter(request.POST.get("filter", "")), mutable=True)
    if peeked := request.POST.get(PEEK, ""):
        query[PEEK] = peeked[:36]
    return f"{reverse('conversations')}{'?' if query else ''}{query.urlencode()}"
