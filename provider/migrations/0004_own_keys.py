import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("provider", "0003_provider_keys"),
        ("workspaces", "0015_own_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="providerkey",
            name="workspace",
            field=models.OneToOneField(
                blank=True,
                help_text="Whose own key it is.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="workspaces.workspace",
            ),
        ),
        migrations.AddField(
            model_name="providerkey",
            name="address",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Of the server that a workspace's own key was entered for.",
                max_length=300,
            ),
        ),
        migrations.AddField(
            model_name="providerkey",
            name="replaces",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="The name of the key that the workspace had before, and has again when its own is removed.",
                max_length=40,
            ),
        ),
        migrations.AlterField(
            model_name="providerkey",
            name="instead_of",
            field=models.CharField(
                blank=True,
                help_text="The fingerprint of the environment's key and address at that time; empty for a workspace's own key.",
                max_length=12,
            ),
        ),
        migrations.AddConstraint(
            model_name="providerkey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("workspace__isnull", True), models.Q(("name__startswith", "own_"), _negated=True)
                    ),
                    models.Q(("name__startswith", "own_"), ("workspace__isnull", False)),
                    _connector="OR",
                ),
                name="provider_key_owner",
            ),
        ),
    ]
