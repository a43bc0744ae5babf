"""The register of workers: which are alive, on which host, with how many slots."""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from workspaces.models import ClockTimestamp, TimestampedModel


class Worker(TimestampedModel):
    """A worker process. Its heartbeat is the lease of the items it has claimed."""

    kind = models.CharField(max_length=20)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    # With these the dispatcher of the same machine recognises the process, and sees that it has ended (lib.processes).
    boot_id = models.CharField(
        max_length=60, blank=True, db_default="", help_text="The start of the machine that it runs on."
    )
    pid_namespace = models.CharField(
        max_length=60, blank=True, db_default="", help_text="In which container its process number counts."
    )
    process_start = models.CharField(
        max_length=60,
        blank=True,
        db_default="",
        help_text="When the process started, in ticks since the machine's start.",
    )
    queues = ArrayField(models.CharField(max_length=30))
    slots = models.PositiveIntegerField()
    heartbeat_at = models.DateTimeField()
    stopped_at = models.DateTimeField(
        null=True, blank=True, help_text="When it signed off, or was found to have ended."
    )

    class Meta:
        db_table = "workers"

    def __str__(self) -> str:
        return f"{self.kind} {self.pid}@{self.host}"

    @classmethod
    def live(cls) -> "models.QuerySet[Worker]":
        """Workers that have not stopped and whose heartbeat is not stale."""
        since = ClockTimestamp() - timedelta(seconds=settings.ENGINE_STALE_S)
        return cls.objects.filter(stopped_at=None, heartbeat_at__gt=since)
