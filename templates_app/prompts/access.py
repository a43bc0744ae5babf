"""Who may look at a template and who may change it."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404

from templates_app.models import PromptTemplate, TemplateVersion


def visible_template(user: Any, template_id: UUID) -> PromptTemplate:
    """Http404 for what is not there or belongs to somebody else."""
    rows = PromptTemplate.objects.visible_to(user).select_related("workspace")
    found: PromptTemplate = get_object_or_404(rows, pk=template_id)
    return found


def editable_template(user: Any, template_id: UUID) -> PromptTemplate:
    """404 for what one may not see, 403 for what one may see but not change."""
    found = visible_template(user, template_id)
    if not may_edit(user, found):
        raise PermissionDenied
    return found


def may_edit(user: Any, template: PromptTemplate) -> bool:
    return PromptTemplate.objects.editable_by(user).filter(pk=template.pk).exists()


def version_of(template: PromptTemplate, number: int) -> TemplateVersion:
    """Http404 for a number that the template does not have."""
    rows = TemplateVersion.objects.select_related("template", "created_by")
    found: TemplateVersion = get_object_or_404(rows, template=template, number=number)
    return found
