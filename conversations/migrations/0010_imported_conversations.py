from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("conversations", "0009_search_in_turns")]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="system_prompt",
            field=models.TextField(
                null=True,
                blank=True,
                help_text="The system message of an imported file. Empty: the training system prompt of its template.",
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="external_id",
            field=models.CharField(
                max_length=200,
                blank=True,
                db_default="",
                help_text="The id in the file that it was imported from, where that is not the id here.",
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                fields=["workspace", "external_id"],
                name="conversation_external_id",
                condition=~Q(external_id=""),
            ),
        ),
    ]
