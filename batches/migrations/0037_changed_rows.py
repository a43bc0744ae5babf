"""What has changed a moment ago is found by small indexes that cost an update next to nothing (analytics/rolling.py)."""

import django.contrib.postgres.indexes
from django.conf import settings
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("batches", "0036_plain_words"),
        ("conversations", "0013_match_conversations"),
        ("templates_app", "0011_deleted_workspaces"),
        ("workspaces", "0019_deleted_workspaces"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="generationlog",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["updated_at"], name="log_changed"
            ),
        ),
    ]
