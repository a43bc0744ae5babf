"""What operators look at and no room owns."""

from django.db import models

from workspaces.models import TimestampedModel


class SlowStatement(TimestampedModel):
    """A statement that took longer than LORAPIPE_SLOW_QUERY_MS in one kind of process, without its values."""

    fingerprint = models.CharField(max_length=64, help_text="The SHA-256 of the statement.")
    process = models.CharField(max_length=20, help_text="web, worker or dispatcher.")
    statement = models.TextField()
    calls = models.PositiveBigIntegerField("times", help_text="How often it was slow.")
    total_ms = models.FloatField("total, ms")
    longest_ms = models.FloatField("longest, ms")
    last_at = models.DateTimeField("last")

    class Meta:
        db_table = "slow_statements"
        constraints = [models.UniqueConstraint(fields=["fingerprint", "process"], name="slow_statement_once")]

    def __str__(self) -> str:
        return self.statement[:80]
