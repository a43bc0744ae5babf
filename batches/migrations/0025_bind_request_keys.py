from django.db import migrations, models

# Starts are remembered beside the retries from here on. What an earlier version started is bound to no address, because it
# is not known by which it came; a retry is bound to one that does not exist, so that its key starts nothing.
REMEMBER_STARTS = """
UPDATE paid_requests SET path = 'a retry of an earlier version';
INSERT INTO paid_requests (id, workspace_id, created_by_id, job_id, key, items, method, path, body_hash)
SELECT gen_random_uuid(), workspace_id, created_by_id, id, idempotency_key, 0, '', '', ''
  FROM batch_jobs WHERE idempotency_key IS NOT NULL AND created_by_id IS NOT NULL
    ON CONFLICT DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [("batches", "0024_ended_workers")]

    operations = [
        migrations.AddField(
            "paidrequest", "method", models.CharField(blank=True, db_default="", max_length=10)
        ),
        migrations.AddField(
            "paidrequest",
            "path",
            models.CharField(
                blank=True,
                db_default="",
                help_text="Empty: the key of a form, bound to no address.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            "paidrequest",
            "body_hash",
            models.CharField(blank=True, db_default="", help_text="The SHA-256 of its body.", max_length=64),
        ),
        migrations.RunSQL(REMEMBER_STARTS, migrations.RunSQL.noop),
    ]
