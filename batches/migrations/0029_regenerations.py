import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

from lib.foreign_keys import on_delete


class Migration(migrations.Migration):
    dependencies = [
        ("batches", "0028_encrypted_webhook_keys"),
        ("conversations", "0005_chains_and_decisions"),
    ]

    operations = [
        migrations.RemoveConstraint("batchitem", "item_kind"),
        migrations.AlterField(
            "batchitem",
            "kind",
            models.CharField(
                choices=[("generate", "Generate"), ("regenerate", "Regenerate")],
                default="generate",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            "batchitem",
            models.CheckConstraint(condition=Q(("kind__in", ["generate", "regenerate"])), name="item_kind"),
        ),
        migrations.AddField(
            "batchitem",
            "regenerates",
            models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="The version that it regenerates; empty again once that is deleted for good.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="conversations.conversation",
            ),
        ),
        on_delete("batch_items", "regenerates_id", to="conversations", rule="SET NULL"),
        migrations.AddField(
            "batchitem",
            "instruction",
            models.TextField(
                blank=True, db_default="", default="", help_text="What a regeneration is to change."
            ),
        ),
        migrations.AddField(
            "batchitem",
            "from_turn",
            models.PositiveSmallIntegerField(
                blank=True,
                help_text="A regeneration writes anew from this turn on; empty: all turns.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            "batchitem",
            models.Index(
                condition=Q(("regenerates__isnull", False)), fields=["regenerates"], name="item_regenerates"
            ),
        ),
        migrations.AddConstraint(
            "batchitem",
            models.CheckConstraint(
                condition=Q(("kind", "regenerate"))
                | Q(("from_turn__isnull", True), ("instruction", ""), ("regenerates__isnull", True)),
                name="item_regeneration",
            ),
        ),
        migrations.AddConstraint(
            "batchitem",
            models.CheckConstraint(
                condition=Q(("from_turn__isnull", True)) | Q(("from_turn__gte", 2)), name="item_from_turn"
            ),
        ),
    ]
