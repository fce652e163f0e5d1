"""What else names the user model, in data folders made when the user was Django's own: content type and sessions."""

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import migrations

FORMER_BACKEND = "annotator.login_attempts.CountingModelBackend"


def move_content_type(apps, schema_editor):
    """Permissions and the admin's history hang on the content type; on a new installation there is none yet."""
    content_types = apps.get_model("contenttypes", "ContentType").objects
    content_types.filter(app_label="auth", model="user").update(app_label="annotator")


def keep_people_signed_in(apps, schema_editor):
    """A session names the module of the backend that let the person in; it has moved since."""
    for row in apps.get_model("sessions", "Session").objects.all():
        session = SessionStore().decode(row.session_data)  # {} where it was signed with another secret key
        if session.get(BACKEND_SESSION_KEY) == FORMER_BACKEND:
            session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
            row.session_data = SessionStore().encode(session)
            row.save(update_fields=["session_data"])


class Migration(migrations.Migration):
    dependencies = [
        ("annotator", "0002_login_failures"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("sessions", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(move_content_type, migrations.RunPython.noop),
        migrations.RunPython(keep_people_signed_in, migrations.RunPython.noop),
    ]
