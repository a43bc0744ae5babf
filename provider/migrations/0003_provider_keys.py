import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import workspaces.models
from lib.triggers import keeps_updated_at


class Migration(migrations.Migration):
    dependencies = [
        ("provider", "0002_model_table_versions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ProviderKey",
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
                (
                    "name",
                    models.CharField(
                        blank=True, help_text="Empty: the installation's own key.", max_length=40, unique=True
                    ),
                ),
                ("encrypted_key", models.TextField()),
                (
                    "instead_of",
                    models.CharField(
                        help_text="The fingerprint of the environment's key and address at that time.",
                        max_length=12,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "provider key",
                "db_table": "provider_keys",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "^[a-z0-9_]{0,40}$")), name="provider_key_name"
                    )
                ],
            },
        ),
        *keeps_updated_at("provider_keys"),
    ]
