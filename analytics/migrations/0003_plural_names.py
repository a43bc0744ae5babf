"""The plural of each name as the admin writes it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0002_scores_and_personas"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="dailycalls",
            options={"verbose_name": "daily calls", "verbose_name_plural": "daily calls"},
        ),
        migrations.AlterModelOptions(
            name="dailyconversations",
            options={"verbose_name": "daily conversations", "verbose_name_plural": "daily conversations"},
        ),
        migrations.AlterModelOptions(
            name="dailydecisions",
            options={"verbose_name": "daily decisions", "verbose_name_plural": "daily decisions"},
        ),
        migrations.AlterModelOptions(
            name="dailypersonas",
            options={"verbose_name": "daily personas", "verbose_name_plural": "daily personas"},
        ),
    ]
