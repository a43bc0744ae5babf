"""The published versions of a deleted workspace can be deleted."""

from django.db import migrations

TABLE = "templates_app_templateversion"
FIXED = f"""
DROP TRIGGER fixed ON {TABLE};
CREATE TRIGGER fixed BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW
  WHEN (NOT lorapipe_is_deleted(OLD.workspace_id)) EXECUTE FUNCTION {TABLE}_is_fixed();
"""
BEFORE = f"""
DROP TRIGGER fixed ON {TABLE};
CREATE TRIGGER fixed BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION {TABLE}_is_fixed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("templates_app", "0010_syntax"),
        ("workspaces", "0019_deleted_workspaces"),
    ]

    operations = [migrations.RunSQL(FIXED, BEFORE)]
