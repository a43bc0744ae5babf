"""Flags were bare words; they become objects with the turn that they are about, which is not known of these."""

from django.db import migrations, transaction

BATCH = 5_000  # rows in one transaction, so that nobody waits long for a row
# Each word becomes {"kind": word, "turn": null, "quote": ""}; what is an object already stays. In the order of before.
CONVERT = """
UPDATE conversations c SET flags = (
    SELECT jsonb_agg(CASE WHEN jsonb_typeof(f.value) = 'string'
                          THEN jsonb_build_object('kind', f.value, 'turn', NULL, 'quote', '') ELSE f.value END
                     ORDER BY f.ordinality)
      FROM jsonb_array_elements(c.flags) WITH ORDINALITY f)
 WHERE c.id IN (
    SELECT o.id FROM conversations o
     WHERE o.flags <> '[]' AND jsonb_path_exists(o.flags, '$[*] ? (@.type() == "string")') LIMIT %s)
"""


def convert(apps, schema_editor):
    while True:
        with transaction.atomic(), schema_editor.connection.cursor() as cursor:
            # No person has changed these conversations, so `updated_at` stays.
            cursor.execute("ALTER TABLE conversations DISABLE TRIGGER touch")
            cursor.execute(CONVERT, [BATCH])
            changed = cursor.rowcount
            cursor.execute(
                "SET CONSTRAINTS ALL IMMEDIATE"
            )  # nothing may be left to check when a table is altered
            cursor.execute("ALTER TABLE conversations ENABLE TRIGGER touch")
        if changed < BATCH:
            return


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conversations", "0006_flags_and_bands")]
    operations = [migrations.RunPython(convert, migrations.RunPython.noop)]
