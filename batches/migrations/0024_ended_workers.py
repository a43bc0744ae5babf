"""A worker's row names its process, and lost calls that wait to be made again are found at once."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("batches", "0023_reading_notes"),
    ]

    operations = [
        migrations.AddField(
            model_name="worker",
            name="boot_id",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="The start of the machine that it runs on.",
                max_length=60,
            ),
        ),
        migrations.AddField(
            model_name="worker",
            name="pid_namespace",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="In which container its process number counts.",
                max_length=60,
            ),
        ),
        migrations.AddField(
            model_name="worker",
            name="process_start",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="When the process started, in ticks since the machine's start.",
                max_length=60,
            ),
        ),
        migrations.AlterField(
            model_name="worker",
            name="stopped_at",
            field=models.DateTimeField(
                blank=True, help_text="When it signed off, or was found to have ended.", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="batchitem",
            index=models.Index(
                condition=Q(("error_kind", "crashed"), ("status", "queued")), fields=["job"], name="item_lost"
            ),
        ),
    ]
