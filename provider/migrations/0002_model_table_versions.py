"""Names the saved versions of the model table, and makes the admin's help texts plain sentences.

The table and its columns keep their names, so no SQL runs for the rename. The permissions are renamed, so that a group
that may look at the versions may still do so.
"""

import django.contrib.postgres.fields
import django.core.validators
from django.conf import settings
from django.db import migrations, models


def rename_permissions(apps, schema_editor):
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="provider")
    for verb in ("add", "change", "delete", "view"):
        permissions.filter(codename=f"{verb}_lineupversion").update(codename=f"{verb}_modeltableversion")


class Migration(migrations.Migration):
    dependencies = [
        ("provider", "0001_model_table"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RenameModel(
            old_name="LineupVersion",
            new_name="ModelTableVersion",
        ),
        migrations.RunPython(rename_permissions, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="finding",
            name="fingerprint",
            field=models.CharField(
                help_text="A hash of base URL and key. The key itself is not stored.", max_length=12
            ),
        ),
        migrations.AlterField(
            model_name="languagemodel",
            name="aliases",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    max_length=100,
                    validators=[
                        django.core.validators.RegexValidator(
                            "\\A[^\\s\\x00]+\\Z", "Write the name as the server knows it, without spaces."
                        )
                    ],
                ),
                blank=True,
                default=list,
                help_text="Other names of the same model, separated by commas.",
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="languagemodel",
            name="effort",
            field=models.CharField(
                blank=True,
                choices=[
                    ("low", "Low"),
                    ("medium", "Medium"),
                    ("high", "High"),
                    ("xhigh", "Xhigh"),
                    ("max", "Max"),
                ],
                help_text="If empty, none is sent.",
                max_length=10,
                verbose_name="effort sent",
            ),
        ),
        migrations.AlterField(
            model_name="languagemodel",
            name="min_cache_tokens",
            field=models.PositiveIntegerField(
                default=1024,
                help_text="In tokens. A shorter prefix is never cached.",
                verbose_name="minimum cacheable prefix",
            ),
        ),
        migrations.AlterField(
            model_name="languagemodel",
            name="pool",
            field=models.CharField(
                blank=True,
                help_text="Models of one pool share their rate limits. If empty, the model has a pool of its own.",
                max_length=60,
                validators=[
                    django.core.validators.RegexValidator(
                        "\\A[^\\s\\x00]+\\Z", "Write the name as the server knows it, without spaces."
                    )
                ],
            ),
        ),
        migrations.AlterField(
            model_name="languagemodel",
            name="position",
            field=models.PositiveIntegerField(
                default=1000, help_text="Its place in lists; smaller numbers come first."
            ),
        ),
        migrations.AlterField(
            model_name="languagemodel",
            name="retires",
            field=models.DateField(
                blank=True,
                help_text="It is not called from this day on (UTC).",
                null=True,
                verbose_name="retires on",
            ),
        ),
        migrations.AlterField(
            model_name="languagemodel",
            name="structured_outputs",
            field=models.BooleanField(
                default=False, help_text="If off, the prompt describes the form of the reply in words."
            ),
        ),
        migrations.AlterField(
            model_name="languagemodel",
            name="takes_temperature",
            field=models.BooleanField(
                default=False,
                help_text="If on, ANTHROPIC_TEMPERATURE is sent, with the API version 2023-06-01.",
            ),
        ),
        migrations.AlterField(
            model_name="languagemodel",
            name="thinking",
            field=models.CharField(
                blank=True,
                choices=[
                    ("enabled", "Enabled"),
                    ("adaptive", "Adaptive"),
                    ("disabled", "Disabled"),
                    ("between_tools", "Between Tools"),
                ],
                help_text="If empty, none is sent.",
                max_length=20,
                verbose_name="thinking sent",
            ),
        ),
        migrations.AlterField(
            model_name="modelprice",
            name="above_prompt_tokens",
            field=models.PositiveIntegerField(
                default=0,
                help_text="The price is for prompts of more tokens than this. With 0 it is for every prompt.",
            ),
        ),
        migrations.AlterField(
            model_name="modelprice",
            name="free",
            field=models.BooleanField(
                default=False,
                help_text="Tick this for a server of your own. Prices of zero alone are refused.",
                verbose_name="costs nothing",
            ),
        ),
    ]
