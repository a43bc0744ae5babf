import hashlib
import itertools
import json

import django.db.models.deletion
from django.db import migrations, models, transaction
from django.db.models import Q

BATCH = 500  # conversations in one transaction
DUE = (
    "SELECT id FROM conversations WHERE content_hash = '' AND turn_count > 0 AND id > %s ORDER BY id LIMIT %s"
)
TURNS = """
SELECT conversation_id, role, content FROM conversation_turns
 WHERE conversation_id = ANY(%s) ORDER BY conversation_id, turn_number
"""
STORE = """
UPDATE conversations c SET content_hash = n.hash
  FROM unnest(%s::uuid[], %s::text[]) AS n(id, hash) WHERE c.id = n.id
"""


def hash_all(apps, schema_editor):
    """As `conversations.quality.hash_turns` does it today."""
    after = "00000000-0000-0000-0000-000000000000"
    while True:
        with transaction.atomic(), schema_editor.connection.cursor() as cursor:
            cursor.execute(DUE, [after, BATCH])
            keys = [row[0] for row in cursor.fetchall()]
            if not keys:
                return
            cursor.execute(TURNS, [keys])
            hashes = {}
            for key, rows in itertools.groupby(cursor.fetchall(), key=lambda row: row[0]):
                text = json.dumps([[role, content] for _, role, content in rows], ensure_ascii=False)
                hashes[key] = hashlib.sha256(text.encode()).hexdigest()
            # No person has changed these conversations, so `updated_at` stays.
            cursor.execute("ALTER TABLE conversations DISABLE TRIGGER touch")
            cursor.execute(STORE, [list(hashes), list(hashes.values())])
            cursor.execute(
                "SET CONSTRAINTS ALL IMMEDIATE"
            )  # nothing may be left to check when a table is altered
            cursor.execute("ALTER TABLE conversations ENABLE TRIGGER touch")
            after = keys[-1]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("background", "0001_initial"),
        ("conversations", "0010_imported_conversations"),
    ]
    operations = [
        migrations.AddField(
            model_name="conversation",
            name="import_job",
            field=models.ForeignKey(
                null=True,
                blank=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                db_index=False,
                help_text="The import that made this version.",
                to="background.backgroundjob",
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="content_hash",
            field=models.CharField(
                max_length=64,
                blank=True,
                db_default="",
                help_text="Of its turns, by which an import finds what is there already. Empty: not computed yet.",
            ),
        ),
        migrations.RunPython(hash_all, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                fields=["workspace", "content_hash"],
                name="conversation_content_hash",
                condition=~Q(content_hash=""),
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                fields=["import_job", "created_at"],
                name="conversation_by_import",
                condition=Q(import_job__isnull=False),
            ),
        ),
    ]
