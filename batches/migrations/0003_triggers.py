from django.db import migrations

from lib.triggers import keeps_updated_at


class Migration(migrations.Migration):
    dependencies = [("batches", "0002_initial"), ("workspaces", "0002_triggers")]

    operations = keeps_updated_at("batch_jobs", "batch_items", "generation_logs", "rate_limits", "workers")
