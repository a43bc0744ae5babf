"""People keep filters of the list of conversations under a name."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import workspaces.models
from lib.triggers import keeps_updated_at


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0015_flagged_since"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
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
                ("name", models.CharField(max_length=60)),
                (
                    "query",
                    models.CharField(
                        help_text="The query string of the list: tier=scenario&sort=score.",
                        max_length=4000,
                        verbose_name="filter",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "saved_views",
                "constraints": [
                    models.UniqueConstraint(fields=("user", "name"), name="saved_view_name_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("name", ""), _negated=True), models.Q(("query", ""), _negated=True)
                        ),
                        name="saved_view_complete",
                    ),
                ],
            },
        ),
        *keeps_updated_at("saved_views"),
    ]
