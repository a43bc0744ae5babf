from django.db import migrations

from lib.triggers import keeps_updated_at, refuses_change


class Migration(migrations.Migration):
    dependencies = [("templates_app", "0002_initial"), ("workspaces", "0002_triggers")]

    operations = [
        *keeps_updated_at("templates_app_prompttemplate", "templates_app_templateversion"),
        refuses_change(
            "templates_app_templateversion",
            columns=[
                "template_id",
                "number",
                "text",
                "system_prompt",
                "training_system_prompt",
                "variables",
                "language",
                "model",
            ],
            once="published_at",
        ),
    ]
