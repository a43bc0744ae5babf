"""Conversations by their score and by who speaks in them, for the histogram and the coverage."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0001_days"),
        ("templates_app", "0011_deleted_workspaces"),
        ("workspaces", "0019_deleted_workspaces"),
    ]

    operations = [
        migrations.CreateModel(
            name="DailyPersonas",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("day", models.DateField(help_text="In UTC.")),
                ("computed_at", models.DateTimeField()),
                (
                    "tier",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("template", "Template"),
                            ("scenario", "Scenario"),
                            ("edge_case", "Edge case"),
                        ],
                        max_length=10,
                    ),
                ),
                ("persona", models.CharField(blank=True, max_length=200)),
                ("emotion", models.CharField(blank=True, max_length=200)),
                ("simulated", models.BooleanField()),
                ("conversations", models.PositiveIntegerField()),
                ("approved", models.PositiveIntegerField()),
            ],
            options={
                "db_table": "daily_personas",
            },
        ),
        migrations.RemoveConstraint(
            model_name="dailyconversations",
            name="daily_conversations_once",
        ),
        migrations.AddField(
            model_name="dailyconversations",
            name="band",
            field=models.PositiveSmallIntegerField(help_text="Empty for those without a score.", null=True),
        ),
        migrations.AddConstraint(
            model_name="dailyconversations",
            constraint=models.UniqueConstraint(
                fields=(
                    "workspace",
                    "day",
                    "template_version",
                    "tier",
                    "model",
                    "simulated",
                    "status",
                    "band",
                ),
                name="daily_conversations_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddField(
            model_name="dailypersonas",
            name="workspace",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="workspaces.workspace",
            ),
        ),
        migrations.AddConstraint(
            model_name="dailypersonas",
            constraint=models.UniqueConstraint(
                fields=("workspace", "day", "tier", "persona", "emotion", "simulated"),
                name="daily_personas_once",
            ),
        ),
    ]
