"""The door for web servers: gunicorn loads `application`."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from annotator.site import metrics_folder

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")
metrics_folder.prepare(settings.DATA_DIR)  # before anything counts
application = get_wsgi_application()

from annotator.site.migrations import require_current  # noqa: E402  # Django has to be set up first

require_current()
