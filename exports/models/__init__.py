"""The tables of this room."""

from exports.models.import_files import ImportedFile, ImportedFileQuerySet

__all__ = ["ImportedFile", "ImportedFileQuerySet"]
