"""The label of a choice in plainer words."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("batches", "0035_call_stops"),
    ]

    operations = [
        migrations.AlterField(
            model_name="batchjob",
            name="error_handling",
            field=models.CharField(
                choices=[
                    ("continue", "Continue with the rest"),
                    ("stop", "Stop at the first item that fails"),
                ],
                default="continue",
                max_length=8,
            ),
        ),
    ]
