from django.db import migrations, models

OLDER_TOKENS = "admin"  # those made before there were scopes keep all they could, and do not expire


class Migration(migrations.Migration):
    dependencies = [
        ("workspaces", "0017_audit_retention"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="scope",
            field=models.CharField(
                choices=[("read", "Read"), ("run", "Read and work"), ("admin", "Everything")],
                default=OLDER_TOKENS,
                max_length=5,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="apitoken",
            name="workspace",
            field=models.ForeignKey(
                blank=True,
                help_text="The one workspace that it opens. Empty: all of its person.",
                null=True,
                on_delete=models.deletion.CASCADE,
                related_name="+",
                to="workspaces.workspace",
            ),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="expires"),
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("scope__in", ["read", "run", "admin"])), name="token_scope"
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="invited",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
    ]
