"""The door for web servers: gunicorn loads `application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")
application = get_wsgi_application()

from annotator.site.migrations import require_current  # noqa: E402  # Django has to be set up first

require_current()
