"""Answer the judge from the page of the queue: agree with a dimension's score, or give another one."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from conversations.models import DimensionScore
from lib.htmx import is_htmx
from review.actions import AnswerError, answer_judge
from review.web.item_page import find_reviewable, link_to, read_filters
from review.web.judged_rows import build_judgement
from workspaces.people import get_person


@require_POST
@login_required
def record_answer(request: HttpRequest, conversation_id: UUID, score_id: UUID) -> HttpResponse:
    """Agree with a dimension's score, or give another one. The page shows the next dimension at once."""
    found, form = find_reviewable(request, conversation_id), read_filters(request)
    score: DimensionScore = DimensionScore.objects.filter(judgement__conversation=found).get_visible_or_404(
        request.user, score_id
    )
    problem = ""
    try:
        answer_judge(score, value=read_value(request, score), by=get_person(request))
    except AnswerError as wrong:
        problem = str(wrong)
    if not is_htmx(request):
        return redirect(link_to(found, form) + "#judgement")
    context = {
        **build_judgement(found, get_person(request)),
        "conversation": found,
        "query": form.query,
        "judge_problem": problem,
    }
    return render(request, "review/judgement.html", context, status=422 if problem else 200)


def read_value(request: HttpRequest, score: DimensionScore) -> int:
    """The judge's own number for "agree", else the one that was given. Raises AnswerError for what is no number."""
    if request.POST.get("agree"):
        return score.score
    given = request.POST.get("value", "").strip()
    if not (given.isascii() and given.isdigit() and len(given) < 4):
        raise AnswerError("Give a whole number from 0 to 10.")
    return int(given)
