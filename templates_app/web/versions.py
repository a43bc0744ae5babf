"""The pages of versions, and the actions on a template. The editor is in `editor`.

The list of templates counts conversations, so it is in `conversations.web.template_views`. The test render shows a
price, so it is in `batches.web.plans.trial`.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lib.stale_state import StaleState
from templates_app.models import NotPublishable, PromptTemplate, TemplateVersion
from templates_app.packs import importing, template_file
from templates_app.packs.linting import find_findings
from templates_app.packs.pack import PackError
from templates_app.prompts import editing
from templates_app.prompts.access import (
    find_editable_template,
    find_visible_template,
    get_version_or_404,
    may_edit,
)
from templates_app.prompts.checks import WrongContent
from templates_app.text.content import find_unused_names
from templates_app.text.differences import compare_contents
from workspaces.people import get_person

REFUSALS = (StaleState, NotPublishable, WrongContent)


# --- versions ------------------------------------------------------------------------------------------


@require_safe
@login_required
def show_version(request: HttpRequest, template_id: UUID, number: int) -> HttpResponse:
    """One version with its texts and variables, and the problems of a draft."""
    template = find_visible_template(request.user, template_id)
    found = get_version_or_404(template, number)
    context = {
        "template": template,
        "version": found,
        "findings": find_findings(found) if found.is_draft else [],
        "can_edit": may_edit(request.user, template),
        "newest": template.newest_version(),
    }
    return render(request, "templates_app/version.html", context)


@require_safe
@login_required
def compare_versions(request: HttpRequest, template_id: UUID, old: int, new: int) -> HttpResponse:
    """The differences between two versions. The form's `?old=&new=` is redirected to the URL of that pair."""
    template = find_visible_template(request.user, template_id)
    chosen = [request.GET.get(name, "") for name in ("old", "new")]
    if all(text.isascii() and text.isdigit() and len(text) < 6 for text in chosen):
        return redirect("template_diff", template.pk, *(int(text) for text in chosen))
    before, after = get_version_or_404(template, old), get_version_or_404(template, new)
    context = {
        "template": template,
        "old": before,
        "new": after,
        "difference": compare_contents(before.content(), after.content()),
        "numbers": list(template.versions.values_list("number", flat=True)),
    }
    return render(request, "templates_app/diff.html", context)


@require_safe
@login_required
def export_version(request: HttpRequest, template_id: UUID, number: int) -> HttpResponse:
    """The version as a file that can be imported again or added to a pack."""
    template = find_visible_template(request.user, template_id)
    found = get_version_or_404(template, number)
    body = template_file.dump(name=template.name, tier=template.tier, content=found.content())
    name = f"{slugify(template.name)[:60] or 'template'}-v{found.number}.toml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type="application/toml", headers=headers)


# --- actions -------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def publish_template(request: HttpRequest, template_id: UUID) -> HttpResponse:
    """GET shows what would change and asks for a note. POST publishes the draft."""
    template = find_editable_template(request.user, template_id)
    note = request.POST.get("note", "")
    if request.method == "POST":
        try:
            made = editing.publish_draft(
                template, note=note, by=get_person(request), keep=request.POST.getlist("keep")
            )
        except NotPublishable:
            return render_publish_page(request, template, note=note, status=422)
        except StaleState as stale:
            messages.error(request, str(stale))
            return redirect("template", template.pk)
        messages.success(request, f"Version {made.number} is published: new plans use it.")
        return redirect("template", template.pk)
    return render_publish_page(request, template, note=note)


def render_publish_page(
    request: HttpRequest, template: PromptTemplate, *, note: str, status: int = 200
) -> HttpResponse:
    draft, before = template.newest_version(), template.published_version()
    if draft is None or not draft.is_draft:
        messages.error(request, "There is no draft to publish.")
        return redirect("template", template.pk)
    draft.note = note
    problems = draft.problems()
    keep = request.POST.getlist("keep")
    context = {
        "template": template,
        "draft": draft,
        "before": before,
        "difference": compare_contents(before.content(), draft.content().drop_unused(keep=keep))
        if before
        else None,
        "findings": find_findings(draft),
        "unused": find_unused_names(draft.content()),
        "broken": [problem for problem in problems if "note" not in problem],
        "note": note,
        "note_missing": status == 422 and not note.strip(),
        "keep": keep,
    }
    return render(request, "templates_app/publish.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def roll_back_template(request: HttpRequest, template_id: UUID, number: int) -> HttpResponse:
    """GET shows what would change. POST publishes a new version with the content of an old one."""
    template = find_editable_template(request.user, template_id)
    old, newest = get_version_or_404(template, number), template.newest_version()
    if request.method == "POST":
        note = request.POST.get("note", "")
        return run_action(
            request,
            template,
            lambda: editing.roll_back(template, to=old.number, note=note, by=get_person(request)),
            said=f"The text of version {old.number} is published as a new version.",
        )
    context = {
        "template": template,
        "old": old,
        "newest": newest,
        "difference": compare_contents(newest.content(), old.content()) if newest else None,
    }
    return render(request, "templates_app/roll_back.html", context)


@require_POST
@login_required
def discard_draft(request: HttpRequest, template_id: UUID) -> HttpResponse:
    template = find_editable_template(request.user, template_id)
    return run_action(
        request,
        template,
        lambda: editing.discard_draft(template, by=get_person(request)),
        said="The draft is discarded.",
    )


@require_POST
@login_required
def archive_template(request: HttpRequest, template_id: UUID) -> HttpResponse:
    template = find_editable_template(request.user, template_id)
    said = "Archived: new plans do not use it. What was made from it stays."
    return run_action(request, template, lambda: template.archive(by=get_person(request)), said=said)


@require_POST
@login_required
def restore_template(request: HttpRequest, template_id: UUID) -> HttpResponse:
    template = find_editable_template(request.user, template_id)
    said = "Restored: plans may use it again."
    return run_action(request, template, lambda: template.restore(by=get_person(request)), said=said)


@require_POST
@login_required
def set_diversity(request: HttpRequest, template_id: UUID) -> HttpResponse:
    """Set whether plans may add drawn details to its prompts: `on` allows it, everything else forbids it."""
    template = find_editable_template(request.user, template_id)
    on = request.POST.get("diversity") == "on"
    words = "may draw details for its prompts" if on else "leave its prompts as the template says them"
    return run_action(
        request,
        template,
        lambda: template.allow_diversity(on, by=get_person(request)),
        said=f"From now on plans {words}.",
    )


@require_POST
@login_required
def duplicate_template(request: HttpRequest, template_id: UUID) -> HttpResponse:
    """Make a copy in the template's workspace, or in the personal one if this person may not edit the template."""
    template = find_visible_template(request.user, template_id)
    by = get_person(request)
    into = template.workspace if may_edit(by, template) else by.working_workspace()
    try:
        made = editing.duplicate(template, into=into, by=by)
    except WrongContent as wrong:
        messages.error(request, str(wrong))
        return redirect("template", template.pk)
    messages.success(request, f"“{made.name}” is a draft; rename it and change what you like.")
    return redirect("template_edit", made.pk)


def run_action(
    request: HttpRequest, template: PromptTemplate, verb: Callable[[], Any], *, said: str
) -> HttpResponse:
    """Run the action and show its result, or the reason for the refusal, on the template's page."""
    try:
        verb()
    except REFUSALS as refused:
        messages.error(request, str(refused))
    except TemplateVersion.DoesNotExist:
        messages.error(request, "That version does not exist any more.")
    else:
        messages.success(request, said)
    return redirect("template", template.pk)


# --- import --------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def import_template(request: HttpRequest) -> HttpResponse:
    """Make a template from a file. If the file has problems, all of them are shown and nothing is stored."""
    problems: list[str] = []
    if request.method == "POST":
        made, problems = import_upload(request)
        if made is not None:
            draft = made.versions.get()
            found = find_findings(draft)
            said = (
                f" The check found {len(found)} thing{'s' if len(found) > 1 else ''} to look at."
                if found
                else ""
            )
            messages.success(request, f"“{made.name}” is imported as a draft.{said}")
            return (
                redirect("template_version", made.pk, draft.number)
                if found
                else redirect("template", made.pk)
            )
    context = {"problems": problems, "largest": template_file.LARGEST // 1_000_000}
    return render(request, "templates_app/import.html", context, status=422 if problems else 200)


def import_upload(request: HttpRequest) -> tuple[PromptTemplate | None, list[str]]:
    given = request.FILES.get("file")
    if given is None:
        return None, ["choose a file"]
    if (given.size or 0) > template_file.LARGEST:
        return None, [f"the file has {given.size:,} bytes; at most {template_file.LARGEST:,} are allowed"]
    by = get_person(request)
    try:
        return importing.import_template(by.working_workspace(), given.read(), by=by), []
    except PackError as wrong:
        return None, wrong.problems
    except WrongContent as wrong:
        return None, [str(problem) for problem in wrong.problems]
