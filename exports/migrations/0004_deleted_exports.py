from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exports", "0003_deleting")]

    operations = [
        migrations.AddField(
            model_name="export",
            name="deleted_at",
            field=models.DateTimeField(
                blank=True,
                help_text="A person has deleted it: its files are gone, this row stays.",
                null=True,
            ),
        ),
    ]
