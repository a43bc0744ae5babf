"""The tables of templates and of what plans are made from, one file a noun."""

from templates_app.models.import_files import ImportFile
from templates_app.models.situations import EdgeCase, Option, OptionKind, PlanRow, Scenario, Situation
from templates_app.models.templates import (
    NotPublishable,
    PromptTemplate,
    PromptTemplateQuerySet,
    TemplateVersion,
)

__all__ = [
    "EdgeCase",
    "ImportFile",
    "NotPublishable",
    "Option",
    "OptionKind",
    "PlanRow",
    "PromptTemplate",
    "PromptTemplateQuerySet",
    "Scenario",
    "Situation",
    "TemplateVersion",
]
