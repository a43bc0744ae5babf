"""The dashboard counts conversations that were flagged after their decision, without reading the others."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("background", "0003_job_requests"),
        ("batches", "0037_changed_rows"),
        ("conversations", "0014_changed_rows"),
        ("templates_app", "0011_deleted_workspaces"),
        ("workspaces", "0019_deleted_workspaces"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("flagged_since_decision", True), ("is_head", True)),
                fields=["workspace"],
                name="conversation_flagged_since",
            ),
        ),
    ]
