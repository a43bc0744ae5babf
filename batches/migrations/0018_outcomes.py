from django.db import migrations, models

# What was completed before keeps its outcome too.
BACKFILL = """
UPDATE batch_jobs j SET
    actual_seconds = greatest(0, extract(epoch FROM completed_at - coalesce(started_at, completed_at)) - paused_seconds),
    actual_input_tokens = used.input, actual_output_tokens = used.output
FROM (SELECT b.id, coalesce(sum(l.input_tokens + l.cache_write_tokens + l.cache_read_tokens), 0) AS input,
             coalesce(sum(l.output_tokens), 0) AS output
        FROM batch_jobs b LEFT JOIN generation_logs l ON l.job_id = b.id
       WHERE b.status = 'completed' AND b.completed_at IS NOT NULL GROUP BY b.id) used
WHERE j.id = used.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("batches", "0017_token_limits"),
    ]

    operations = [
        migrations.AddField(
            model_name="batchjob",
            name="actual_seconds",
            field=models.FloatField(
                blank=True,
                editable=False,
                help_text="From its start to its end, without its pauses.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="batchjob",
            name="actual_input_tokens",
            field=models.BigIntegerField(
                blank=True, editable=False, help_text="Of all its calls, cached or not.", null=True
            ),
        ),
        migrations.AddField(
            model_name="batchjob",
            name="actual_output_tokens",
            field=models.BigIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="batchjob",
            index=models.Index(
                models.F("workspace"),
                models.OrderBy(models.F("completed_at"), descending=True),
                condition=models.Q(("actual_seconds__isnull", False), ("status", "completed")),
                name="job_judged",
            ),
        ),
    ]
