"""What else names the user model, in data folders made when the user was Django's own: content type and sessions."""

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import migrations

FORMER_BACKEND = "annotator.login_attempts.CountingModelBackend"
FORMER_APP, PRESENT_APP = "auth", "annotator"


def move_content_type(apps, schema_editor):
    _rename_content_type(apps, FORMER_APP, PRESENT_APP)


def move_content_type_back(apps, schema_editor):
    _rename_content_type(apps, PRESENT_APP, FORMER_APP)


def _rename_content_type(apps, before, after):
    """Permissions and the admin's history hang on the content type; on a new installation there is none yet.

    There may be one of the other name already: every `migrate`, also of one app, makes those that are missing. What
    hangs on that one is moved over first.
    """
    content_types = apps.get_model("contenttypes", "ContentType").objects
    kept = content_types.filter(app_label=before, model="user").first()
    if kept is None:
        return
    second = content_types.filter(app_label=after, model="user").first()
    if second is not None:
        _move_permissions(apps.get_model("auth", "Permission").objects, second, kept)
        apps.get_model("admin", "LogEntry").objects.filter(content_type_id=second.pk).update(
            content_type_id=kept.pk
        )
        second.delete()
    kept.app_label = after
    kept.save(update_fields=["app_label"])


def _move_permissions(permissions, second, kept):
    for permission in permissions.filter(content_type_id=second.pk):
        same = permissions.filter(content_type_id=kept.pk, codename=permission.codename).first()
        if same is None:
            permission.content_type_id = kept.pk
            permission.save(update_fields=["content_type_id"])
            continue
        for group in permission.group_set.all():
            group.permissions.add(same)
        for user in permission.user_set.all():
            user.user_permissions.add(same)
        permission.delete()


def keep_people_signed_in(apps, schema_editor):
    _rename_backend(apps, FORMER_BACKEND, settings.AUTHENTICATION_BACKENDS[0])


def keep_people_signed_in_back(apps, schema_editor):
    _rename_backend(apps, settings.AUTHENTICATION_BACKENDS[0], FORMER_BACKEND)


def _rename_backend(apps, before, after):
    """A session names the module of the backend that let the person in; it has moved since."""
    for row in apps.get_model("sessions", "Session").objects.all():
        session = SessionStore().decode(row.session_data)  # {} where it was signed with another secret key
        if session.get(BACKEND_SESSION_KEY) == before:
            session[BACKEND_SESSION_KEY] = after
            row.session_data = SessionStore().encode(session)
            row.save(update_fields=["session_data"])


class Migration(migrations.Migration):
    dependencies = [
        ("admin", "0001_initial"),
        ("annotator", "0002_login_failures"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("sessions", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(move_content_type, move_content_type_back),
        migrations.RunPython(keep_people_signed_in, keep_people_signed_in_back),
    ]
