import django.db.models.deletion
from django.db import migrations, models

from lib.foreign_keys import on_delete


class Migration(migrations.Migration):
    dependencies = [("conversations", "0003_by_template")]

    operations = [
        migrations.AlterField(
            "conversation",
            "root",
            models.ForeignKey(
                db_index=False,
                help_text="Version 1 of this conversation.",
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="conversations.conversation",
            ),
        ),
        migrations.AlterField(
            "turn",
            "conversation",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="turns",
                to="conversations.conversation",
            ),
        ),
        on_delete("conversation_turns", "conversation_id", to="conversations", rule="CASCADE"),
        on_delete("conversations", "root_id", to="conversations", rule="CASCADE"),
        on_delete("conversations", "parent_id", to="conversations", rule="SET NULL"),
    ]
