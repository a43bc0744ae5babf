"""The help texts of the admin are plain sentences now. No SQL runs."""

from decimal import Decimal

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("templates_app", "0007_diversity"),
    ]

    operations = [
        migrations.AlterField(
            model_name="edgecase",
            name="pack_key",
            field=models.CharField(
                blank=True, help_text="Its name in the pack, which never changes.", max_length=600
            ),
        ),
        migrations.AlterField(
            model_name="edgecase",
            name="pack_print",
            field=models.CharField(
                blank=True, help_text="The fingerprint of what the pack installed.", max_length=64
            ),
        ),
        migrations.AlterField(
            model_name="edgecase",
            name="position",
            field=models.PositiveIntegerField(
                default=0, help_text="Its place in a plan; smaller numbers come first."
            ),
        ),
        migrations.AlterField(
            model_name="edgecase",
            name="template",
            field=models.ForeignKey(
                blank=True,
                help_text="If empty, the newest template of its tier is used.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="templates_app.prompttemplate",
            ),
        ),
        migrations.AlterField(
            model_name="option",
            name="description",
            field=models.TextField(
                blank=True, help_text="It is added to the prompt when this option is chosen."
            ),
        ),
        migrations.AlterField(
            model_name="option",
            name="name",
            field=models.CharField(
                help_text="This text fills the variable exactly as written.", max_length=500
            ),
        ),
        migrations.AlterField(
            model_name="option",
            name="pack_key",
            field=models.CharField(
                blank=True, help_text="Its name in the pack, which never changes.", max_length=600
            ),
        ),
        migrations.AlterField(
            model_name="option",
            name="pack_print",
            field=models.CharField(
                blank=True, help_text="The fingerprint of what the pack installed.", max_length=64
            ),
        ),
        migrations.AlterField(
            model_name="option",
            name="position",
            field=models.PositiveIntegerField(
                default=0, help_text="Its place in a plan; smaller numbers come first."
            ),
        ),
        migrations.AlterField(
            model_name="option",
            name="weight",
            field=models.DecimalField(
                decimal_places=3,
                default=Decimal("1"),
                help_text="How often a plan draws it, relative to the others of its list. With 0 it is used only when named.",
                max_digits=8,
            ),
        ),
        migrations.AlterField(
            model_name="scenario",
            name="pack_key",
            field=models.CharField(
                blank=True, help_text="Its name in the pack, which never changes.", max_length=600
            ),
        ),
        migrations.AlterField(
            model_name="scenario",
            name="pack_print",
            field=models.CharField(
                blank=True, help_text="The fingerprint of what the pack installed.", max_length=64
            ),
        ),
        migrations.AlterField(
            model_name="scenario",
            name="position",
            field=models.PositiveIntegerField(
                default=0, help_text="Its place in a plan; smaller numbers come first."
            ),
        ),
        migrations.AlterField(
            model_name="scenario",
            name="template",
            field=models.ForeignKey(
                blank=True,
                help_text="If empty, the newest template of its tier is used.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="templates_app.prompttemplate",
            ),
        ),
        migrations.AlterField(
            model_name="templateversion",
            name="system_prompt",
            field=models.TextField(
                blank=True, help_text="Sent to the model that writes the conversation. It is never exported."
            ),
        ),
    ]
