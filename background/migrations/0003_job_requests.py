"""The Idempotency-Keys of requests that started background jobs."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import workspaces.models
from lib.triggers import keeps_updated_at


class Migration(migrations.Migration):
    dependencies = [
        ("background", "0002_notices_of_ends"),
        ("workspaces", "0019_deleted_workspaces"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="JobRequest",
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
                ("key", models.CharField(help_text="The Idempotency-Key that it came with.", max_length=200)),
                ("method", models.CharField(blank=True, db_default="", max_length=10)),
                (
                    "path",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="Empty: of an earlier version, bound to no address.",
                        max_length=200,
                    ),
                ),
                (
                    "body_hash",
                    models.CharField(
                        blank=True, db_default="", help_text="The SHA-256 of its body.", max_length=64
                    ),
                ),
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
                    "job",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="background.backgroundjob",
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
                "db_table": "job_requests",
                "constraints": [
                    models.UniqueConstraint(fields=("created_by", "key"), name="job_request_once")
                ],
            },
        ),
        *keeps_updated_at("job_requests"),
    ]
