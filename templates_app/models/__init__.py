"""The tables of templates and of the library, one module for each noun."""

from templates_app.models.import_files import ImportFile
from templates_app.models.situations import EdgeCase, LibraryEntry, Option, OptionKind, Scenario, Situation
from templates_app.models.templates import (
    NotPublishable,
    PromptTemplate,
    PromptTemplateQuerySet,
    TemplateVersion,
)

__all__ = [
    "EdgeCase",
    "ImportFile",
    "LibraryEntry",
    "NotPublishable",
    "Option",
    "OptionKind",
    "PromptTemplate",
    "PromptTemplateQuerySet",
    "Scenario",
    "Situation",
    "TemplateVersion",
]
