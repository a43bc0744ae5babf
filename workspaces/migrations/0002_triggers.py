from django.db import migrations

from lib.triggers import keeps_updated_at, touch_function


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0001_initial")]

    operations = [
        touch_function(),
        *keeps_updated_at(
            "workspaces_user",
            "workspaces_workspace",
            "workspaces_membership",
            "workspaces_apitoken",
            "workspaces_signinlink",
        ),
    ]
