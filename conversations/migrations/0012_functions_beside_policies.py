"""What cannot be asked behind row level security, as functions that run as the owner of the tables and apply the workspaces themselves.

Searches: LIKE might reveal a hidden row by an error, so the policy comes before it, and no trigram index is used. The functions
look only into the workspaces that they are asked for, and for the web process only into those of them that its transaction was told.

Sums of the whole installation: how many calls are in flight, and whether a price was ever used. They tell nothing of whose they are
(docs/decisions/0035).
"""

from django.db import migrations, models

WITHIN = """
CREATE FUNCTION lorapipe_within(asked uuid[]) RETURNS uuid[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  -- Who called, also where SET ROLE was used. In here current_user is the owner of the tables.
  caller name := CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END;
  told uuid[] := nullif(current_setting('lorapipe.workspaces', true), '')::uuid[];
BEGIN
  -- The owner and the workers work for all workspaces: what they ask for, or NULL, which is all.
  IF pg_has_role(caller, current_user, 'USAGE') THEN RETURN asked; END IF;
  IF to_regrole('lorapipe_worker') IS NOT NULL AND pg_has_role(caller, 'lorapipe_worker', 'USAGE') THEN RETURN asked; END IF;
  RETURN ARRAY(SELECT w FROM unnest(told) w WHERE asked IS NULL OR w = ANY (asked));
END $$;
"""
# `column LIKE '%WORD%'` for each word, as text for EXECUTE; what LIKE would read as a pattern is escaped.
HOLDS = r"""
CREATE FUNCTION lorapipe_holds(matched text, words text[]) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(
    format('%s LIKE %L', matched, '%' || replace(replace(replace(upper(word), '\', '\\'), '%', '\%'), '_', '\_') || '%'), ' AND ')
    FROM unnest(words) word
$$;
"""
# The conversation of each turn that holds all words, once for each turn, at most so many.
FIND_TURNS = """
CREATE FUNCTION lorapipe_find_turns(asked uuid[], words text[], most integer) RETURNS SETOF uuid LANGUAGE plpgsql STABLE
SECURITY DEFINER ROWS 2000 SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE within uuid[] := lorapipe_within(asked);
BEGIN
  RETURN QUERY EXECUTE format('SELECT conversation_id FROM conversation_turns WHERE %s AND %s LIMIT $2',
    CASE WHEN within IS NULL THEN 'true' ELSE 'workspace_id = ANY ($1)' END, lorapipe_holds('upper(content)', words))
    USING within, most;
END $$;
"""
# The conversations whose short texts hold all words, and those of `besides`.
FIND_CONVERSATIONS = """
CREATE FUNCTION lorapipe_find_conversations(asked uuid[], words text[], besides uuid[]) RETURNS SETOF uuid LANGUAGE plpgsql STABLE
SECURITY DEFINER ROWS 50 SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE within uuid[] := lorapipe_within(asked);
BEGIN
  RETURN QUERY EXECUTE format('SELECT id FROM conversations WHERE %s AND %s UNION SELECT unnest($2)',
    CASE WHEN within IS NULL THEN 'true' ELSE 'workspace_id = ANY ($1)' END, lorapipe_holds('search', words))
    USING within, besides;
END $$;
"""
# The calls in flight of one kind of jobs, of all workspaces: they share the slots of the workers.
COUNT_IN_FLIGHT = """
CREATE FUNCTION lorapipe_count_in_flight(of_kind text) RETURNS bigint LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(sum(in_flight), 0)::bigint FROM batch_jobs WHERE kind = of_kind AND in_flight > 0
$$;
"""
# Whether any of these models was called since then, by whatever workspace: its price must stay.
WAS_CALLED = """
CREATE FUNCTION lorapipe_was_called(models text[], since timestamptz) RETURNS boolean LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM generation_logs WHERE model = ANY (models) AND created_at >= since)
$$;
"""
# Nobody else's roles of the same server may call them; `prepare` lets ours (lorapipe/isolation/policies.py).
REVOKE = """
REVOKE ALL ON FUNCTION lorapipe_find_turns, lorapipe_find_conversations, lorapipe_count_in_flight, lorapipe_was_called FROM PUBLIC;
"""
DROP = """
DROP FUNCTION lorapipe_was_called; DROP FUNCTION lorapipe_count_in_flight; DROP FUNCTION lorapipe_find_conversations; DROP FUNCTION lorapipe_find_turns; DROP FUNCTION lorapipe_holds; DROP FUNCTION lorapipe_within;
"""


class Migration(migrations.Migration):
    dependencies = [("conversations", "0011_import_jobs"), ("batches", "0033_notices_of_background_jobs")]

    operations = [
        migrations.RunSQL(WITHIN + HOLDS + FIND_TURNS + FIND_CONVERSATIONS, DROP),
        migrations.RunSQL(COUNT_IN_FLIGHT + WAS_CALLED + REVOKE, migrations.RunSQL.noop),
        # A policy asks for the workspace of each row: without it in the index every row would be read.
        migrations.RemoveIndex("conversation", "conversation_by_template"),
        migrations.AddIndex(
            "conversation",
            models.Index(
                fields=["template_version", "quality_score", "created_at"],
                include=["is_head", "workspace"],
                name="conversation_by_template",
            ),
        ),
    ]
