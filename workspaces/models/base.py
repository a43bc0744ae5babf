"""The id and the times of every table, by the clock of the database."""

import uuid

from django.db import models
from django.utils.deconstruct import deconstructible


@deconstructible(path="workspaces.models.ClockTimestamp")
class ClockTimestamp(models.Func):
    """The current time of the database's clock. PostgreSQL's `now()` is the start of the transaction instead."""

    template = "clock_timestamp()"
    output_field = models.DateTimeField()


class TimestampedModel(models.Model):
    """The database's clock sets `created_at`; a trigger sets `updated_at`, also in bulk updates."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        abstract = True
