"""The changes of a plan that its page offers: each reads the form, calls the action, and gives the sentence to show.

A sentence is empty where the page itself shows what has happened.
"""

from collections.abc import Callable
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest

from batches.actions import drafts
from batches.actions.filling import fill_gaps
from batches.models import BatchItem, BatchJob
from batches.planning.plan import PlanError
from batches.planning.quotas import draw_number
from batches.web.plans import plan_page
from batches.web.posted import read_revision
from lib.row_problems import RowProblem
from workspaces.people import get_person


def find_item(job: BatchJob, key: str) -> BatchItem:
    """Raises BatchItem.DoesNotExist, also for a text that is no id."""
    try:
        return BatchItem.objects.get(job=job, pk=UUID(key))
    except ValueError as wrong:
        raise BatchItem.DoesNotExist from wrong


def remove_items(request: HttpRequest, job: BatchJob, about: str) -> str:
    """Remove the item that `about` names, or without it the items that are ticked."""
    keys = [UUID(key) for key in ([about] if about else request.POST.getlist("item"))]
    if not keys:
        return "First tick the items that you want to remove."
    gone = drafts.remove_items(job, revision=read_revision(request), ids=keys, by=get_person(request))
    return f"{gone} item{'' if gone == 1 else 's'} removed."


def remove_repeats(request: HttpRequest, job: BatchJob, about: str) -> str:
    gone = drafts.remove_repeats(job, revision=read_revision(request), by=get_person(request))
    return f"{gone} duplicate{'' if gone == 1 else 's'} removed."


def move_item_by(request: HttpRequest, job: BatchJob, about: str, *, by: int) -> str:
    item = find_item(job, about)
    to = item.position + by
    drafts.move_item(job, revision=read_revision(request), item_id=item.pk, to=to, by=get_person(request))
    return ""


def place_item(request: HttpRequest, job: BatchJob, about: str) -> str:
    """Move the first item whose number in the form differs from its position to that number."""
    for name, text in request.POST.items():
        if not name.startswith("place-"):
            continue
        item = find_item(job, name.removeprefix("place-"))
        text = str(text).strip()
        if not text.isascii() or not text.isdigit() or len(text) > 6:
            continue
        if int(text) != item.position:
            revision = read_revision(request)
            drafts.move_item(job, revision=revision, item_id=item.pk, to=int(text), by=get_person(request))
            return f"“{item.topic[:60]}” is moved."
    return ""


def shuffle_plan(request: HttpRequest, job: BatchJob, about: str) -> str:
    text = request.POST.get("shuffle_seed", "").strip()
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    if text and not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise PlanError([RowProblem(None, "", "A seed is a whole number.")])
    seed = sign * int(digits) if text else draw_number(0, uuid4()) % 10_000
    drafts.shuffle(job, revision=read_revision(request), seed=seed, by=get_person(request))
    return f"Shuffled with the seed {seed}."


def fill_coverage(request: HttpRequest, job: BatchJob, about: str) -> str:
    choices = plan_page.list_grids(job)
    if about not in choices:
        raise Http404
    added = fill_gaps(job, pair=choices[about], revision=read_revision(request), by=get_person(request))
    if not added:
        return "No gap can be filled, because no item of the plan can take both words."
    return f"{added} item{'' if added == 1 else 's'} added at the end of the plan, one for each gap."


CHANGES: dict[str, Callable[[HttpRequest, BatchJob, str], str]] = {
    "remove": remove_items,
    "repeats": remove_repeats,
    "up": lambda request, job, about: move_item_by(request, job, about, by=-1),
    "down": lambda request, job, about: move_item_by(request, job, about, by=1),
    "place": place_item,
    "shuffle": shuffle_plan,
    "fill": fill_coverage,
}
