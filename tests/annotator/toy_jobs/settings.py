from annotator.settings import *  # noqa: F403
from annotator.settings import INSTALLED_APPS

# Before the admin, which looks into the table of kinds when it is ready.
INSTALLED_APPS = ["tests.annotator.toy_jobs.apps.ToyJobsConfig", *INSTALLED_APPS]
