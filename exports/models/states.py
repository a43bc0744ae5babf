"""The states of an export, and the names of its splits."""

from django.db import models


class Split(models.TextChoices):
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class ExportState(models.TextChoices):
    """What people are told. No column holds it: it follows from the export and its newest background job."""

    QUEUED = "queued"
    RUNNING = "running"
    CHECKED = "checked", "Checked, not written yet"
    BLOCKED = "blocked", "Not written: the check found what breaks a trainer"
    COMPLETED = "completed"
    REMOVED = "removed", "Files removed"
    DELETED = "deleted"
    FAILED = "failed"
    CANCELLED = "cancelled"
