"""Prompt templates and their versions. A version never changes: a conversation points at it for ever."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from templates_app.rendering import Variable
from templates_app.states import Tier
from workspaces.models import OwnedModel, WorkspaceQuerySet


class PromptTemplateQuerySet(WorkspaceQuerySet):
    def usable(self) -> Self:
        """Templates that a plan may use: not archived, with a published version."""
        return self.filter(archived_at=None, versions__published_at__isnull=False).distinct()


class PromptTemplate(OwnedModel):
    name = models.CharField(max_length=200)
    tier = models.CharField(max_length=10, choices=Tier.choices)
    pack = models.CharField(
        max_length=100, blank=True, help_text="The starter pack that this template came from."
    )
    archived_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[PromptTemplateQuerySet] = PromptTemplateQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["tier", "name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="template_name_once"),
            models.CheckConstraint(condition=Q(tier__in=Tier.values), name="template_tier"),
        ]

    def __str__(self) -> str:
        return self.name

    def published_version(self) -> "TemplateVersion | None":
        """The newest published version, which new plans use."""
        return self.versions.filter(published_at__isnull=False).order_by("-number").first()


class TemplateVersion(OwnedModel):
    template = models.ForeignKey(PromptTemplate, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    system_prompt = models.TextField(blank=True, help_text="For the generator; it is never exported.")
    training_system_prompt = models.TextField(
        blank=True, help_text="The system message of exported conversations."
    )
    variables = models.JSONField(default=list, help_text="A list of typed variables.")
    language = models.CharField(max_length=10, default="en")
    model = models.CharField(max_length=100, blank=True, help_text="Overrides the model of the job.")
    note = models.TextField(blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["template", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="version_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="version_number"),
        ]

    def __str__(self) -> str:
        return f"{self.template.name} v{self.number}"

    def typed_variables(self) -> tuple[Variable, ...]:
        return tuple(Variable.from_dict(each) for each in self.variables)
