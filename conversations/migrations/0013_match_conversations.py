"""Which of these conversations hold all words: a list is searched row by row, where a text is in many (models/search.py).

Like the other searches it runs as the owner of the tables and applies the workspaces itself (0012).
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION lorapipe_match_conversations(asked uuid[], words text[], keys uuid[]) RETURNS SETOF uuid LANGUAGE plpgsql STABLE
SECURITY DEFINER ROWS 50 SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE within uuid[] := lorapipe_within(asked);
BEGIN
  -- OFFSET 0 keeps the turns apart: else PostgreSQL may first look for all turns of the words, of whatever conversation.
  RETURN QUERY EXECUTE format('SELECT c.id FROM conversations c WHERE c.id = ANY ($2) AND %s AND (%s OR EXISTS ('
      'SELECT FROM (SELECT t.content FROM conversation_turns t WHERE t.conversation_id = c.id OFFSET 0) turn WHERE %s))',
    CASE WHEN within IS NULL THEN 'true' ELSE 'c.workspace_id = ANY ($1)' END,
    lorapipe_holds('c.search', words), lorapipe_holds('upper(turn.content)', words))
    USING within, keys;
END $$;
REVOKE ALL ON FUNCTION lorapipe_match_conversations FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("conversations", "0012_functions_beside_policies")]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION lorapipe_match_conversations")]
