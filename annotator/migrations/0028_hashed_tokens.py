"""Tokens of former versions lay in the database as they are sent: they become digests, and their table goes.

They go on working. They never expire, as before, until their person withdraws them or sets a new password. The table is read by SQL:
the app that it belongs to is no longer installed.
"""

import hashlib
from datetime import UTC, datetime

from django.db import migrations

FORMER_TABLE = "authtoken_token"
FORMER_APP = "authtoken"
NAME = "From before tokens had names"


def hash_tokens(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if FORMER_TABLE not in connection.introspection.table_names(cursor):
            return
        cursor.execute(f"SELECT key, user_id, created FROM {FORMER_TABLE}")  # noqa: S608  a constant
        rows = cursor.fetchall()
    token = apps.get_model("annotator", "ApiToken")
    former = {}
    for key, user_id, created_at in rows:
        digest = hashlib.sha256(key.encode()).hexdigest()
        former[digest] = token(user_id=user_id, name=NAME, digest=digest, created_at=_moment(connection, created_at))
    token.objects.bulk_create(former.values())
    if connection.vendor == "sqlite":
        schema_editor.execute("PRAGMA secure_delete = ON")  # else the tokens stay in the file's free pages
    schema_editor.execute(f"DROP TABLE {FORMER_TABLE}")
    with connection.cursor() as cursor:
        # Else the former version, started on this folder again, would take its table for made.
        cursor.execute("DELETE FROM django_migrations WHERE app = %s", [FORMER_APP])
    _forget_rights(apps)


def _moment(connection, value):
    """SQLite gives text where no model reads it."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _forget_rights(apps):
    """Rights to a table that is gone would stay in the admin's lists for ever."""
    types = apps.get_model("contenttypes", "ContentType").objects.filter(app_label=FORMER_APP)
    numbers = list(types.values_list("pk", flat=True))
    apps.get_model("auth", "Permission").objects.filter(content_type_id__in=numbers).delete()
    apps.get_model("admin", "LogEntry").objects.filter(content_type_id__in=numbers).delete()
    types.delete()


class Migration(migrations.Migration):

    dependencies = [
        ("annotator", "0027_accounts"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    # Nobody can make tokens of their digests: after the way back people make new ones.
    operations = [migrations.RunPython(hash_tokens, migrations.RunPython.noop)]
