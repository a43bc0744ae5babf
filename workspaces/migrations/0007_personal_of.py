"""Who owns a personal workspace is a unique column: eight parallel first visits made up to eight of them.

The oldest one of a person stays the personal one, the others become ordinary workspaces; nothing in them changes. A person
without one gets an empty one here, and `prepare` fills it.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

MARK_OLDEST = """
UPDATE workspaces_workspace w SET personal_of_id = first.user_id
  FROM (SELECT DISTINCT ON (m.user_id) m.user_id, m.workspace_id
          FROM workspaces_membership m JOIN workspaces_workspace p ON p.id = m.workspace_id
         WHERE p.personal AND m.role = 'owner'
           AND NOT EXISTS (SELECT FROM workspaces_membership o
                            WHERE o.workspace_id = p.id AND o.role = 'owner' AND o.created_at < m.created_at)
         ORDER BY m.user_id, p.created_at, p.id) first
 WHERE w.id = first.workspace_id
"""
GIVE_ONE = """
WITH made AS (
    INSERT INTO workspaces_workspace (id, name, personal, id_prefix, personal_of_id)
    SELECT gen_random_uuid(), left(u.username || '''s workspace', 200), true, 'fp', u.id
      FROM workspaces_user u
     WHERE NOT EXISTS (SELECT FROM workspaces_workspace w WHERE w.personal_of_id = u.id)
    RETURNING id, personal_of_id)
INSERT INTO workspaces_membership (id, workspace_id, user_id, role) SELECT gen_random_uuid(), id, personal_of_id, 'owner' FROM made
"""
MARK_AGAIN = "UPDATE workspaces_workspace SET personal = personal_of_id IS NOT NULL"


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0006_audit_log")]

    operations = [
        migrations.AddField(
            model_name="workspace",
            name="personal_of",
            field=models.OneToOneField(
                blank=True,
                null=True,
                help_text="Whose personal workspace it is: each person has one. Empty: a workspace that people share.",
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunSQL(MARK_OLDEST, migrations.RunSQL.noop),
        migrations.RunSQL(GIVE_ONE, MARK_AGAIN),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RemoveField(model_name="workspace", name="personal"),
    ]
