"""The tables of this room: exports with their frozen rows, and files that are imported."""

from exports.models.exports import Export, ExportQuerySet
from exports.models.import_files import ImportedFile, ImportedFileQuerySet
from exports.models.items import ExportItem, ExportItemQuerySet

__all__ = [
    "Export",
    "ExportItem",
    "ExportItemQuerySet",
    "ExportQuerySet",
    "ImportedFile",
    "ImportedFileQuerySet",
]
