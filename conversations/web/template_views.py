"""The list of templates and the page of one. They are here because they count the conversations of each template."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import F, Func, IntegerField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from conversations.usage import UNUSED, find_usage
from lib.paging import fetch_page
from templates_app.models import PromptTemplate, PromptTemplateQuerySet, TemplateVersion
from templates_app.prompts.access import find_visible_template, may_edit
from templates_app.states import Tier
from workspaces.models import Membership

PER_PAGE = 50


@require_safe
@login_required
def list_templates(request: HttpRequest) -> HttpResponse:
    """The templates that one may see, filtered by tier and by whether they are archived."""
    tier, archived = request.GET.get("tier", ""), request.GET.get("archived") == "1"
    tier = tier if tier in Tier.values else ""
    everything = PromptTemplate.objects.visible_to(request.user)
    shown = fetch_page(filter_templates(everything, tier=tier, archived=archived), request, per=PER_PAGE)
    context = {
        "page": shown,
        "rows": build_lines(shown.rows),
        "tiers": Tier.choices,
        "tier": tier,
        "archived": archived,
        "filtered": bool(tier or archived),
        "can_edit": Membership.objects.of(request.user).filter(role__in=Membership.EDITORS).exists(),
    }
    return render(request, "conversations/templates.html", context)


def filter_templates(rows: PromptTemplateQuerySet, *, tier: str, archived: bool) -> PromptTemplateQuerySet:
    rows = rows.filter(archived_at__isnull=not archived)
    return (rows.filter(tier=tier) if tier else rows).order_by("name", "pk")


def build_lines(shown: Any) -> list[dict[str, Any]]:
    """A line of the list for each template: its published version, its draft, its variables and its use."""
    keys = [template.pk for template in shown]
    used = find_usage("template_version__template", keys)
    length = Func(F("variables"), function="jsonb_array_length", output_field=IntegerField())
    versions = (
        TemplateVersion.objects.filter(template__in=keys)
        .order_by("number")
        .values("template", "number", "published_at", size=length)
    )
    newest: dict[UUID, dict[str, Any]] = {}
    published: dict[UUID, dict[str, Any]] = {}
    for version in versions:
        newest[version["template"]] = dict(version)
        if version["published_at"]:
            published[version["template"]] = dict(version)
    return [
        {
            "template": template,
            "published": published.get(template.pk),
            "draft": find_draft(newest.get(template.pk)),
            "variables": (published.get(template.pk) or newest.get(template.pk) or {}).get("size", 0),
            "usage": used.get(template.pk, UNUSED),
        }
        for template in shown
    ]


def find_draft(newest: dict[str, Any] | None) -> dict[str, Any] | None:
    return newest if newest and newest["published_at"] is None else None


@require_safe
@login_required
def show_template(request: HttpRequest, template_id: UUID) -> HttpResponse:
    """One template with its versions, the newest first, and the use of each."""
    found = find_visible_template(request.user, template_id)
    heavy = ("text", "system_prompt", "training_system_prompt")
    versions = list(found.versions.select_related("created_by").defer(*heavy).order_by("-number"))
    used = find_usage("template_version", [version.pk for version in versions])
    published = next((version for version in versions if not version.is_draft), None)
    newest = versions[0] if versions else None
    context = {
        "template": found,
        "versions": [
            {"version": each, "usage": used.get(each.pk, UNUSED), "before": before.number if before else None}
            for each, before in zip(versions, [*versions[1:], None], strict=True)
        ],
        "published": published,
        "draft": newest if newest and newest.is_draft else None,
        "newest": newest,
        "shown": published or newest,
        "usage": find_usage("template_version__template", [found.pk]).get(found.pk, UNUSED),
        "can_edit": may_edit(request.user, found),
    }
    return render(request, "conversations/template.html", context)
