from django.db import migrations, models

# What was asked before keeps its place in history.
BACKFILL = "UPDATE generation_logs l SET tier = i.tier FROM batch_items i WHERE i.id = l.item_id"


class Migration(migrations.Migration):
    dependencies = [
        ("batches", "0011_notices"),
    ]

    operations = [
        migrations.AddField(
            model_name="generationlog",
            name="tier",
            field=models.CharField(
                choices=[
                    ("template", "Template"),
                    ("scenario", "Scenario"),
                    ("edge_case", "Edge case"),
                ],
                db_default="",
                help_text="Its item's: history is read by it.",
                max_length=10,
            ),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="generationlog",
            index=models.Index(
                models.F("template_version"),
                models.F("tier"),
                models.F("model"),
                models.F("simulated"),
                models.OrderBy(models.F("created_at"), descending=True),
                condition=models.Q(("output_tokens__gt", 0), ("cost_usd__gt", 0), _connector="OR"),
                name="log_history",
            ),
        ),
    ]
