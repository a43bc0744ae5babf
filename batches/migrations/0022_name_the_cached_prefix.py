from django.db import migrations


class Migration(migrations.Migration):
    """A class is renamed; the table keeps its name."""

    dependencies = [("batches", "0021_a_reserve_for_singles")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RenameModel("WarmPrefix", "CachedPrefix")]
        )
    ]
