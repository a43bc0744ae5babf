from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("batches", "0031_judgements")]

    operations = [
        migrations.AddField(
            model_name="batchitem",
            name="fills",
            field=models.UUIDField(
                blank=True,
                help_text="The draft of a conversation that it fills; the id stays when that is deleted.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="batchitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "generate"), ("fills__isnull", True), _connector="OR"),
                name="item_fills",
            ),
        ),
    ]
