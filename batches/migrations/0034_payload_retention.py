from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("batches", "0033_notices_of_background_jobs"),
    ]

    operations = [
        migrations.AddField(
            model_name="generationlog",
            name="payloads_removed_at",
            field=models.DateTimeField(
                help_text="When request, reply and values were removed: LORAPIPE_PAYLOAD_DAYS, or its workspace was deleted.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="generationlog",
            index=models.Index(
                condition=models.Q(("payloads_removed_at__isnull", True)),
                fields=["created_at"],
                name="log_payloads",
            ),
        ),
    ]
