"""Refusals in a row on a job, reasons for it to stop, and a mark on calls whose tokens were counted here."""

from django.db import migrations, models

REASONS = [
    ("", ""),
    ("person", "paused by a person"),
    ("budget", "its budget does not cover the next call"),
    ("month_budget", "the month's budget of its workspace does not cover the next call"),
    ("item_error", "an item failed, and the job stops at the first error"),
    ("provider_auth", "the provider refused the key"),
    ("provider_billing", "the provider's spend limit or credit is used up"),
    ("model", "its model is retired, or has no known price"),
    ("not_found", "the provider does not know the model or the address"),
    ("request_refused", "the provider refuses something that every call of it sends"),
    ("refusals", "the provider refused several calls in a row in the same way"),
    ("systemic_wait", "the provider made it wait for an hour"),
]


class Migration(migrations.Migration):
    dependencies = [("batches", "0025_bind_request_keys")]

    operations = [
        migrations.AddField(
            "batchjob",
            "refusals",
            models.PositiveIntegerField(
                db_default=0, default=0, help_text="Of one kind in a row, since the last reply."
            ),
        ),
        migrations.AddField(
            "batchjob",
            "refusal_name",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Their status and error type.",
                max_length=100,
            ),
        ),
        migrations.AlterField(
            "batchjob", "reason", models.CharField(blank=True, choices=REASONS, max_length=20)
        ),
        migrations.AddField(
            "generationlog",
            "estimated",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="The server reported no tokens: counted by us, rather too high.",
            ),
        ),
    ]
