"""A workspace can be deleted. Then what was only ever added in it may go, too."""

from django.db import migrations, models

IS_DELETED = """
CREATE FUNCTION lorapipe_is_deleted(workspace uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM workspaces_workspace w WHERE w.id = workspace AND w.deleted_at IS NOT NULL)
$$;
"""
STAYS = """
DROP TRIGGER stays ON use_statements;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON use_statements FOR EACH ROW
  WHEN (NOT lorapipe_is_deleted(OLD.workspace_id)) EXECUTE FUNCTION use_statements_stays();
"""
STAYED = """
DROP TRIGGER stays ON use_statements;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON use_statements FOR EACH ROW EXECUTE FUNCTION use_statements_stays();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("workspaces", "0018_accounts"),
    ]

    operations = [
        migrations.AddField(
            model_name="workspace",
            name="deleted_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="Nobody is a member any more, and its content is removed. What was paid stays.",
                null=True,
            ),
        ),
        migrations.RunSQL(IS_DELETED, "DROP FUNCTION lorapipe_is_deleted"),
        migrations.RunSQL(STAYS, STAYED),
    ]
