"""Numbers by workspace and day, and the days of which something was deleted."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

# A deleted row leaves no time of a change behind. The rows of one statement are noted together, each day once.
NOTE_GONE = """
CREATE FUNCTION lorapipe_note_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stale_days (id, workspace_id, day)
    SELECT gen_random_uuid(), workspace_id, day
      FROM (SELECT DISTINCT workspace_id, (created_at AT TIME ZONE 'UTC')::date AS day FROM gone) days;
    RETURN NULL;
END $$;
CREATE TRIGGER note_gone AFTER DELETE ON conversations REFERENCING OLD TABLE AS gone
   FOR EACH STATEMENT EXECUTE FUNCTION lorapipe_note_gone();
CREATE TRIGGER note_gone AFTER DELETE ON conversation_decisions REFERENCING OLD TABLE AS gone
   FOR EACH STATEMENT EXECUTE FUNCTION lorapipe_note_gone();
CREATE TRIGGER note_gone AFTER DELETE ON generation_logs REFERENCING OLD TABLE AS gone
   FOR EACH STATEMENT EXECUTE FUNCTION lorapipe_note_gone();
"""
DROP_NOTE_GONE = """
DROP TRIGGER note_gone ON conversations; DROP TRIGGER note_gone ON conversation_decisions;
DROP TRIGGER note_gone ON generation_logs; DROP FUNCTION lorapipe_note_gone();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("batches", "0037_changed_rows"),
        ("conversations", "0014_changed_rows"),
        ("templates_app", "0011_deleted_workspaces"),
        ("workspaces", "0019_deleted_workspaces"),
    ]

    operations = [
        migrations.CreateModel(
            name="StaleDay",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("day", models.DateField()),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "db_table": "stale_days",
            },
        ),
        migrations.CreateModel(
            name="DailyCalls",
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
                ("model", models.CharField(blank=True, max_length=100)),
                ("simulated", models.BooleanField()),
                ("state", models.CharField(max_length=10)),
                ("error_kind", models.CharField(blank=True, max_length=30)),
                ("calls", models.PositiveIntegerField()),
                (
                    "repeats",
                    models.PositiveIntegerField(
                        help_text="Those that were not the first attempt of their item."
                    ),
                ),
                ("cost_usd", models.DecimalField(decimal_places=9, max_digits=18)),
                ("input_tokens", models.BigIntegerField()),
                ("output_tokens", models.BigIntegerField()),
                ("cache_write_tokens", models.BigIntegerField()),
                ("cache_read_tokens", models.BigIntegerField()),
                ("duration_ms", models.BigIntegerField(help_text="Of all calls together.")),
                (
                    "template_version",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="templates_app.templateversion",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "db_table": "daily_calls",
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "workspace",
                            "day",
                            "template_version",
                            "tier",
                            "model",
                            "simulated",
                            "state",
                            "error_kind",
                        ),
                        name="daily_calls_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DailyConversations",
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
                ("model", models.CharField(blank=True, max_length=100)),
                ("simulated", models.BooleanField()),
                ("status", models.CharField(max_length=14)),
                ("conversations", models.PositiveIntegerField()),
                ("scored", models.PositiveIntegerField()),
                ("score_sum", models.DecimalField(decimal_places=1, max_digits=12)),
                (
                    "template_version",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="templates_app.templateversion",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "db_table": "daily_conversations",
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "workspace",
                            "day",
                            "template_version",
                            "tier",
                            "model",
                            "simulated",
                            "status",
                        ),
                        name="daily_conversations_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("scored__lte", models.F("conversations"))), name="daily_scored"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DailyDecisions",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("day", models.DateField(help_text="In UTC.")),
                ("computed_at", models.DateTimeField()),
                ("reviewer", models.CharField(max_length=254)),
                ("to_status", models.CharField(max_length=14)),
                ("decisions", models.PositiveIntegerField()),
                ("undone", models.PositiveIntegerField(help_text="Those of them that were undone.")),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "db_table": "daily_decisions",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("workspace", "day", "reviewer", "to_status"), name="daily_decisions_once"
                    )
                ],
            },
        ),
        migrations.RunSQL(NOTE_GONE, DROP_NOTE_GONE),
    ]
