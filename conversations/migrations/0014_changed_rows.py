"""What has changed a moment ago is found by small indexes that cost an update next to nothing (analytics/rolling.py)."""

import django.contrib.postgres.indexes
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("background", "0003_job_requests"),
        ("batches", "0037_changed_rows"),
        ("conversations", "0013_match_conversations"),
        ("templates_app", "0011_deleted_workspaces"),
        ("workspaces", "0019_deleted_workspaces"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="conversation",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["updated_at"], name="conversation_changed"
            ),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(fields=["updated_at"], name="decision_changed"),
        ),
    ]
