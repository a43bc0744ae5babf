from django.db import migrations, models
from django.db.models.functions import Cast, Concat, Replace


class Migration(migrations.Migration):
    dependencies = [
        ("workspaces", "0014_pushing"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="workspace",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("provider_key__startswith", "own_"), _negated=True),
                    (
                        "provider_key",
                        Concat(
                            models.Value("own_"),
                            Replace(Cast("id", models.CharField()), models.Value("-"), models.Value("")),
                        ),
                    ),
                    _connector="OR",
                ),
                name="workspace_own_key",
                violation_error_message="The own key of another workspace cannot be used here.",
            ),
        ),
    ]
