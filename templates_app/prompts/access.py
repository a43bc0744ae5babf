"""Finds templates and versions for a person, with the right answer for what this person may not see or change."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404

from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.models.templates import PromptTemplateQuerySet


def find_visible_template(user: Any, template_id: UUID) -> PromptTemplate:
    """Raises Http404 if it does not exist or belongs to somebody else."""
    found: PromptTemplate = _with_workspace().get_visible_or_404(user, template_id)
    return found


def find_editable_template(user: Any, template_id: UUID) -> PromptTemplate:
    """Raises Http404 if this person may not see it, and PermissionDenied if this person may see but not change it."""
    found: PromptTemplate = _with_workspace().get_editable_or_403(user, template_id)
    return found


def _with_workspace() -> PromptTemplateQuerySet:
    return PromptTemplate.objects.select_related("workspace")


def may_edit(user: Any, template: PromptTemplate) -> bool:
    return PromptTemplate.objects.editable_by(user).contains(template)


def get_version_or_404(template: PromptTemplate, number: int) -> TemplateVersion:
    """The version with this number. Raises Http404 if the template does not have it."""
    rows = TemplateVersion.objects.select_related("template", "created_by")
    found: TemplateVersion = get_object_or_404(rows, template=template, number=number)
    return found
