"""The plural of each name as the admin writes it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("batches", "0037_changed_rows"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="cachedprefix",
            options={"verbose_name_plural": "cached prefixes"},
        ),
    ]
