"""The editor for a new template or the next draft of one. "Check" and the live preview are the same request."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from lib.htmx import is_target
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.packs.linting import find_filled_names
from templates_app.prompts import editing
from templates_app.prompts.access import find_editable_template
from templates_app.prompts.checks import WrongContent
from templates_app.prompts.editing import EditConflict, make_stamp
from templates_app.states import Tier
from templates_app.text.content import Content, extract_variables, find_new_names, lint
from templates_app.text.preview import build_preview
from templates_app.text.rendering import add_turn_range
from templates_app.web.editor_forms import TYPE_CHOICES, TemplateForm, build_variable_rows
from workspaces.people import get_person

Methods = require_http_methods(["GET", "HEAD", "POST"])


@never_cache
@Methods
@login_required
def create_template(request: HttpRequest) -> HttpResponse:
    """The editor for a new template. Saving makes the template with a first draft."""
    if request.method != "POST":
        return render_editor(request, content=Content(), given={"tier": Tier.TEMPLATE.value})
    form = TemplateForm(request.POST)
    if request.POST.get("action") != "save":
        return render_check(request, form)
    by = get_person(request)
    try:
        made = editing.create(
            by.working_workspace(), name=get_name(form), tier=get_tier(form), content=form.content(), by=by
        )
    except WrongContent as wrong:
        return render_refusal(request, form, wrong)
    messages.success(request, "Saved as the first draft. Publish it when plans may use it.")
    return redirect("template_edit", made.pk)


@never_cache
@Methods
@login_required
def edit_template(request: HttpRequest, template_id: UUID) -> HttpResponse:
    """The newest version in the editor. A draft is changed in place; saving a published version makes a new draft."""
    template = find_editable_template(request.user, template_id)
    newest = template.newest_version()
    if request.method != "POST":
        content = newest.content().upgrade() if newest else Content()
        given = {"name": template.name, "tier": template.tier, "seen": make_stamp(newest)}
        return render_editor(request, content=content, given=given, template=template, newest=newest)
    form = TemplateForm(request.POST)
    if request.POST.get("action") != "save":
        return render_check(request, form, template=template, newest=newest)
    return save_draft(request, form, template, newest)


def save_draft(
    request: HttpRequest, form: TemplateForm, template: PromptTemplate, newest: TemplateVersion | None
) -> HttpResponse:
    by = get_person(request)
    try:
        with transaction.atomic():
            editing.rename(template, name=get_name(form), tier=get_tier(form), by=by)
            made = editing.save_draft(template, form.content(), by=by, seen=request.POST.get("seen", ""))
    except WrongContent as wrong:
        return render_refusal(request, form, wrong, template=template, newest=newest)
    except EditConflict:
        return render_conflict(request, form, template)
    except IntegrityError:  # a writer that takes no lock published the draft in the meantime
        return render_conflict(request, form, template)
    messages.success(request, describe_saving(made, newest))
    return redirect("template_edit", template.pk)


def describe_saving(made: TemplateVersion, before: TemplateVersion | None) -> str:
    if not made.is_draft:
        return f"The text is the same as in version {made.number}, so no new version was needed."
    if before is None or made.number != before.number:
        return f"Saved as draft {made.number}. Version {made.number - 1} stays as it is."
    return f"Draft {made.number} is saved."


def render_conflict(request: HttpRequest, form: TemplateForm, template: PromptTemplate) -> HttpResponse:
    """409 with the person's own text still in the editor, so that this person can decide to save it again."""
    newest = template.newest_version()
    message = (
        "Somebody has saved this template since you opened it. Your text is below and nothing was written. "
        "Compare it with the newest version. If you save again, your text becomes the newest."
    )
    form.add_error(None, message)
    given = {**form.data.dict(), "seen": make_stamp(newest)}  # type: ignore[attr-defined]
    return render_editor(
        request,
        content=form.content(),
        given=given,
        form=form,
        template=PromptTemplate.objects.get(pk=template.pk),
        newest=newest,
        status=409,
    )


def render_refusal(
    request: HttpRequest, form: TemplateForm, wrong: WrongContent, **about: Any
) -> HttpResponse:
    form.is_valid()
    for problem in wrong.problems:
        known = problem.name if problem.name in form.fields else None
        form.add_error(known, problem.message)
    return render_check(request, form, status=422, **about)


def render_check(
    request: HttpRequest, form: TemplateForm, *, status: int = 200, **about: Any
) -> HttpResponse:
    """The same text with its variables, problems and preview. Nothing is stored."""
    given = form.data.dict()  # type: ignore[attr-defined]
    return render_editor(request, content=form.content(), given=given, form=form, status=status, **about)


def get_name(form: TemplateForm) -> str:
    return str(form.data.get("name", ""))


def get_tier(form: TemplateForm) -> str:
    return str(form.data.get("tier", ""))


def render_editor(
    request: HttpRequest,
    *,
    content: Content,
    given: Mapping[str, Any],
    form: TemplateForm | None = None,
    template: PromptTemplate | None = None,
    newest: TemplateVersion | None = None,
    status: int = 200,
) -> HttpResponse:
    content = Content(**{**content.as_fields(), "variables": extract_variables(content)})
    samples = form.samples() if form else {}
    kept = {str(each.get("name")) for each in newest.variables} if newest else set()
    workspace = template.workspace if template else get_person(request).working_workspace()
    filled = find_filled_names(workspace, tier=str(given.get("tier", "")))
    context = {
        "form": form,
        "given": given,
        "content": content,
        "template": template,
        "newest": newest,
        "tiers": Tier.choices,
        "types": TYPE_CHOICES,
        "rows": build_variable_rows(content, samples=samples, kept=kept),
        "findings": [*lint(content, filled=filled), *find_new_names(content, kept)],
        "previews": build_previews(content, samples),
        "rewritten": form is None and newest is not None and newest.content().is_rewritten_by_upgrade,
        "address": reverse("template_edit", args=[template.pk]) if template else reverse("template_new"),
    }
    part = "#checked" if is_target(request, "variables") else ""
    return render(request, f"templates_app/editor.html{part}", context, status=status)


def build_previews(content: Content, samples: Mapping[str, str]) -> list[dict[str, Any]]:
    """The filled texts; empty texts are left out."""
    prompt = add_turn_range(content.text, content.turns_min, content.turns_max) if content.text else ""
    texts = (("Prompt", prompt), ("System prompt", content.system_prompt))
    return [
        {"title": title, "pieces": build_preview(text, content.variables, samples), "size": len(text)}
        for title, text in texts
        if text
    ]
