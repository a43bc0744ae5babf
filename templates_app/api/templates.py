"""The templates' API. A change of content always goes into the draft; published versions never change."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from lib.api.etags import hold_unchanged, render_with_etag
from lib.wire import fetch_slice, sort_rows, validate
from templates_app.api.template_serializers import (
    NoVersion,
    ResolveBody,
    TemplateBody,
    TemplatePatch,
    TemplatesQuery,
    VersionBody,
    VersionsQuery,
    has_content_fields,
    merge_content,
    serialize_template,
    serialize_version,
)
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.packs.linting import find_findings
from templates_app.prompts import editing
from templates_app.prompts.access import find_editable_template, find_visible_template
from templates_app.text.content import Content
from templates_app.text.rendering import resolve
from workspaces.models import User
from workspaces.people import get_person


@api_view(["GET", "POST"])
def list_or_create_templates(request: Request) -> Response:
    return create_template(request) if request.method == "POST" else list_templates(request)


def list_templates(request: Request) -> Response:
    """The templates that the caller may see, by name. `archived=true` gives the archived ones instead."""
    query = TemplatesQuery.of(request)
    rows = PromptTemplate.objects.visible_to(request.user).filter(archived_at__isnull=not query["archived"])
    if query["tier"]:
        rows = rows.filter(tier__in=query["tier"])
    found = fetch_slice(
        sort_rows(rows.order_by("name", "pk"), query), limit=query["limit"], offset=query["offset"]
    )
    numbers = find_version_numbers([template.pk for template in found.rows])
    rows_out = [serialize_template(template, numbers.get(template.pk, [])) for template in found.rows]
    return Response({"templates": rows_out, **found.about})


def create_template(request: Request) -> Response:
    """201 with the new template and its first version, a draft."""
    given = validate(TemplateBody(data=request.data))
    by = get_person(request)
    template = editing.create(
        by.working_workspace(),
        name=given["name"],
        tier=given["tier"],
        content=merge_content(given, Content()),
        by=by,
    )
    headers = {"Location": reverse("api_template", args=[template.pk])}
    return Response(serialize_in_full(template), status=201, headers=headers)


@api_view(["GET", "PATCH"])
def show_or_change_template(request: Request, template_id: UUID) -> Response:
    """GET shows it with its newest version. PATCH sets name, tier, archived, diversity; content goes into the draft."""
    if request.method == "PATCH":
        found = find_editable_template(request.user, template_id)
        given = validate(TemplatePatch(data=request.data))
        with hold_unchanged(request, [found.workspace, found], lambda: read_template(request, template_id)):
            change_template(found, given, by=get_person(request))
    return render_with_etag(read_template(request, template_id))


def read_template(request: Request, template_id: UUID) -> dict[str, Any]:
    return serialize_in_full(find_visible_template(request.user, template_id))


@transaction.atomic
def change_template(template: PromptTemplate, given: dict[str, Any], *, by: User) -> None:
    name, tier = given.get("name", template.name), given.get("tier", template.tier)
    editing.rename(template, name=name, tier=tier, by=by)
    if given.get("archived") is True and template.archived_at is None:
        template.archive(by=by)
    if given.get("archived") is False and template.archived_at is not None:
        template.restore(by=by)
    if "diversity" in given:
        template.allow_diversity(given["diversity"], by=by)
    if has_content_fields(given):
        save_draft(template, given, by=by)


def save_draft(template: PromptTemplate, given: dict[str, Any], *, by: User) -> TemplateVersion:
    newest = template.newest_version()
    before = newest.content() if newest else Content()
    return editing.save_draft(template, merge_content(given, before), by=by)


@api_view(["GET", "POST"])
def list_or_create_versions(request: Request, template_id: UUID) -> Response:
    """GET lists the versions, the newest first. POST makes the next draft; `publish` and `note` publish it."""
    if request.method == "POST":
        found = find_editable_template(request.user, template_id)
        version = create_version(found, validate(VersionBody(data=request.data)), by=get_person(request))
        made = serialize_version(version, find_findings(version))
        headers = {"Location": reverse("api_template", args=[found.pk])}
        return Response({"version": made}, status=201, headers=headers)
    query = VersionsQuery.of(request)
    rows = find_visible_template(request.user, template_id).versions.order_by("-number")
    shown = fetch_slice(sort_rows(rows, query), limit=query["limit"], offset=query["offset"])
    listed = [serialize_version(each, find_findings(each) if each.is_draft else None) for each in shown.rows]
    return Response({"versions": listed, **shown.about})


@transaction.atomic
def create_version(template: PromptTemplate, given: dict[str, Any], *, by: User) -> TemplateVersion:
    if "fromVersion" in given:
        try:
            return editing.roll_back(template, to=given["fromVersion"], note=given["note"], by=by)
        except TemplateVersion.DoesNotExist as gone:
            raise NoVersion("fromVersion", given["fromVersion"]) from gone
    version = save_draft(template, given, by=by)
    if not given["publish"]:
        return version
    return editing.publish_draft(template, note=given["note"], by=by, keep=given["keepUnused"])


@api_view(["POST"])
def resolve_template(request: Request, template_id: UUID) -> Response:
    """The prompts that these parameters give, with the published version or the one named. Nothing is stored."""
    template = find_visible_template(request.user, template_id)
    given = validate(ResolveBody(data=request.data))
    version = choose_version(template, given.get("version"))
    values = resolve(version.typed_variables(), given["parameters"])
    return Response(
        {
            "templateId": template.pk,
            "version": version.number,
            "prompt": version.prompt(values),
            "systemPrompt": version.filled_system_prompt(values),
            "parameters": values,
        }
    )


def choose_version(template: PromptTemplate, number: int | None) -> TemplateVersion:
    """The version with this number; without one the published version, else the newest."""
    if number is not None:
        found = template.versions.filter(number=number).select_related("template").first()
    else:
        found = template.published_version() or template.newest_version()
    if found is None:
        raise NoVersion("version", number)
    return found


def serialize_in_full(template: PromptTemplate) -> dict[str, Any]:
    newest = template.newest_version()
    numbers = find_version_numbers([template.pk]).get(template.pk, [])
    return {
        "template": {
            **serialize_template(template, numbers),
            "version": serialize_version(newest, find_findings(newest) if newest.is_draft else None)
            if newest
            else None,
        },
    }


def find_version_numbers(keys: list[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The numbers of each template's versions, ascending, and when they were published."""
    rows = TemplateVersion.objects.filter(template__in=keys).order_by("number")
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows.values("template", "number", "published_at"):
        found.setdefault(row["template"], []).append(dict(row))
    return found
