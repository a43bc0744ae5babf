from django.db import migrations

from lib.triggers import keeps_updated_at


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_initial"), ("workspaces", "0002_triggers")]

    operations = keeps_updated_at("conversations", "conversation_turns")
