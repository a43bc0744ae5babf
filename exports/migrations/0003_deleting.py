from django.db import migrations

from lib.foreign_keys import on_delete


class Migration(migrations.Migration):
    """The database deletes and empties these rows, in one statement, also where a conversation is deleted by SQL."""

    dependencies = [("exports", "0002_exports")]

    operations = [
        on_delete("export_items", "export_id", to="exports", rule="CASCADE"),
        on_delete("export_items", "conversation_id", to="conversations", rule="SET NULL"),
        on_delete("export_items", "other_id", to="conversations", rule="SET NULL"),
    ]
