"""The database itself refuses to change or delete an audit entry, whatever program asks."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

SQLITE = (
    """CREATE TRIGGER audit_entry_is_never_changed BEFORE UPDATE ON sources_auditentry
    BEGIN SELECT RAISE(ABORT, 'An audit entry is never changed.'); END""",
    """CREATE TRIGGER audit_entry_is_never_deleted BEFORE DELETE ON sources_auditentry
    BEGIN SELECT RAISE(ABORT, 'An audit entry is never deleted.'); END""",
)
SQLITE_REVERSE = ("DROP TRIGGER audit_entry_is_never_changed", "DROP TRIGGER audit_entry_is_never_deleted")

POSTGRESQL = (
    """CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'An audit entry is never changed or deleted.' USING ERRCODE = 'restrict_violation'; END $$""",
    """CREATE TRIGGER audit_entry_is_append_only BEFORE UPDATE OR DELETE ON sources_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()""",
    """CREATE TRIGGER audit_log_is_never_emptied BEFORE TRUNCATE ON sources_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()""",
)
POSTGRESQL_REVERSE = (
    "DROP TRIGGER audit_log_is_never_emptied ON sources_auditentry",
    "DROP TRIGGER audit_entry_is_append_only ON sources_auditentry",
    "DROP FUNCTION refuse_audit_change()",
)


def protect(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in SQLITE if editor.connection.vendor == "sqlite" else POSTGRESQL:
        editor.execute(statement, params=None)


def unprotect(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in SQLITE_REVERSE if editor.connection.vendor == "sqlite" else POSTGRESQL_REVERSE:
        editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("sources", "0001_initial")]

    operations = [migrations.RunPython(protect, unprotect, elidable=False)]
