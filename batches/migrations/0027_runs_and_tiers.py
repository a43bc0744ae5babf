import uuid

from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models

from lib.foreign_keys import on_delete


class Migration(migrations.Migration):
    dependencies = [("batches", "0026_refusals_in_a_row"), ("conversations", "0004_deleting_a_chain")]

    operations = [
        migrations.AddField(
            "batchjob",
            "run_id",
            models.UUIDField(
                db_default=RandomUUID(),
                default=uuid.uuid4,
                editable=False,
                help_text="Its run: another one with each resume and retry. Its calls carry it.",
            ),
        ),
        migrations.AddField(
            "generationlog",
            "run_id",
            models.UUIDField(help_text="The run of the job in which it was made.", null=True),
        ),
        migrations.AddField(
            "batchitem",
            "conversation_deleted_at",
            models.DateTimeField(
                blank=True,
                help_text="When the conversation that was made of it was deleted for good.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            "batchjob",
            models.CheckConstraint(
                condition=models.Q(("tier__in", ["", "template", "scenario", "edge_case"])), name="job_tier"
            ),
        ),
        migrations.AddConstraint(
            "generationlog",
            models.CheckConstraint(
                condition=models.Q(("tier__in", ["", "template", "scenario", "edge_case"])), name="log_tier"
            ),
        ),
        on_delete("generation_logs", "conversation_id", to="conversations", rule="SET NULL"),
    ]
