from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("batches", "0027_runs_and_tiers")]

    operations = [
        migrations.AddField(
            "webhook",
            "encrypted_key",
            models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="Empty: the secret of an earlier version, derived from SECRET_KEY until it is renewed.",
            ),
        ),
        migrations.AlterField(
            "webhook",
            "generation",
            models.PositiveIntegerField(default=1, help_text="Counts the secrets that it has had."),
        ),
        migrations.AlterField(
            "paidrequest",
            "path",
            models.CharField(
                blank=True,
                db_default="",
                help_text="Empty: of an earlier version, bound to no address.",
                max_length=200,
            ),
        ),
    ]
