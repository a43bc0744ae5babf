"""The tables of this room: exports with their frozen rows, tokens of the Hub, and files that are imported."""

from exports.models.exports import Export, ExportQuerySet
from exports.models.hub_tokens import HubToken
from exports.models.import_files import ImportedFile, ImportedFileQuerySet
from exports.models.items import ExportItem, ExportItemQuerySet

__all__ = [
    "Export",
    "ExportItem",
    "ExportItemQuerySet",
    "ExportQuerySet",
    "HubToken",
    "ImportedFile",
    "ImportedFileQuerySet",
]
