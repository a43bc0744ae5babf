import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import workspaces.models
from lib.triggers import keeps_updated_at


class Migration(migrations.Migration):
    dependencies = [
        ("background", "0001_initial"),
        ("exports", "0004_deleted_exports"),
        ("workspaces", "0014_pushing"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="export",
            name="push_job",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="background.backgroundjob",
            ),
        ),
        migrations.AddField(
            model_name="export",
            name="pushed",
            field=models.JSONField(
                blank=True,
                help_text="Where it was pushed to last: repository, public, url, commit, commit_url.",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="HubToken",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=workspaces.models.ClockTimestamp(), editable=False),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=workspaces.models.ClockTimestamp(), editable=False),
                ),
                ("encrypted_key", models.TextField(help_text="The token, encrypted.")),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                "verbose_name": "token of the Hub",
                "verbose_name_plural": "tokens of the Hub",
                "db_table": "hub_tokens",
                "constraints": [models.UniqueConstraint(fields=("workspace",), name="hub_token_once")],
            },
        ),
        *keeps_updated_at("hub_tokens"),
    ]
