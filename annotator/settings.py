"""Environment -> settings, once. Reading them makes nothing: folders and secret key come with `site.data_folder`."""

from __future__ import annotations

from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from annotator.site.environment import MEBIBYTE, WrongEnvironment, check, read
from annotator.site.extra_packages import why_missing
from annotator.site.mail import server_settings
from exporters.overlap_option import OVERLAP
from segmentation.bundle import BUILT_IN_BUNDLE, BUILT_IN_DIR

BASE_DIR = Path(__file__).resolve().parent.parent  # the checkout, or where pip installs packages
INSTALLED_WEB_DIR = BASE_DIR / "annotator" / "_web"  # made by the wheel, see pyproject.toml
IS_INSTALLED = INSTALLED_WEB_DIR.is_dir()
WEB_DIR = INSTALLED_WEB_DIR if IS_INSTALLED else BASE_DIR  # holds templates and static files

try:
    check()
except WrongEnvironment as error:
    raise ImproperlyConfigured(str(error)) from None

if missing := why_missing(read("DATABASE_URL"), read("CELERY_BROKER_URL")):
    raise ImproperlyConfigured(missing)

# --- where everything lies ---
DATA_DIR = Path(read("DATA_DIR") or (Path.cwd() if IS_INSTALLED else BASE_DIR) / "data").resolve()
HOST = read("HOST")
PORT = read("PORT")

# --- security ---
DEBUG = read("DEBUG")
SECRET_KEY = read("SECRET_KEY")
SECRET_KEY_FILE = None if SECRET_KEY else DATA_DIR / "secret_key"
ALLOWED_HOSTS = read("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]", HOST]
CSRF_TRUSTED_ORIGINS = read("CSRF_TRUSTED_ORIGINS")
HTTPS = read("HTTPS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# Other names below ours, and the lists that browsers carry along, are not ours to decide about.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
AUTH_USER_MODEL = "annotator.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "annotator.people.password_change.WithdrawsTokens"},
]
PASSWORD_RESET_TIMEOUT = read("PASSWORD_LINK_HOURS") * 3600  # seconds
API_TOKEN_MAX_DAYS = read("API_TOKEN_MAX_DAYS")
AUTHENTICATION_BACKENDS = ["annotator.people.login_attempts.CountingModelBackend"]
TRUSTED_PROXIES = read("TRUSTED_PROXIES")
# Within the window.
LOGIN_FAILURES_MAX = read("LOGIN_FAILURES_MAX")  # of an address with a user name
LOGIN_FAILURES_MAX_PER_ADDRESS = read("LOGIN_FAILURES_MAX_PER_ADDRESS")  # with any name
LOGIN_FAILURES_MAX_PER_NAME = read("LOGIN_FAILURES_MAX_PER_NAME")  # from any address
LOGIN_FAILURES_WINDOW_S = 300
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"

# --- application ---
ROOT_URLCONF = "annotator.urls"
WSGI_APPLICATION = "annotator.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "annotator",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "annotator.pages.probes.ProbesMiddleware",
    "annotator.site.log_context.RequestIdMiddleware",
    "annotator.pages.probes.CountingMiddleware",
    "annotator.site.middleware.SecurityHeadersMiddleware",
    "annotator.site.middleware.HeadMiddleware",
    "annotator.site.middleware.NoNulMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "annotator.api.base.body_limit.BodyLimitMiddleware",  # before the one that looks for a token in the body
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [WEB_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
# --- e-mail ---
EMAIL_URL = read("EMAIL_URL")
if EMAIL_URL:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    globals().update(server_settings(EMAIL_URL))
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
EMAIL_TIMEOUT = 20  # seconds; a request waits for it
DEFAULT_FROM_EMAIL = SERVER_EMAIL = read("EMAIL_FROM")
EMAIL_SUBJECT_PREFIX = ""

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# --- database ---
DATABASES = {
    "default": dj_database_url.parse(
        read("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'maskwright.sqlite3'}",
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # A transaction that starts by reading and then writes would fail at once with "database is locked" when another
        # one wrote in between; IMMEDIATE takes the write lock first and waits for it.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,  # seconds to wait for the write lock
        # WAL: readers never wait for the writer. The browser polls while the worker writes.
        "init_command": "PRAGMA journal_mode=WAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60  # seconds

# --- files ---
STORAGES = {
    "default": {
        "BACKEND": "annotator.site.storage.MarkedFileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "media", "base_url": None},
    },
    # Both by the bundle's digest: what browsers run, and bundles that were installed from elsewhere.
    "decoders": {
        "BACKEND": "annotator.site.storage.AtomicFileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "decoders", "base_url": None},
    },
    "bundles": {
        "BACKEND": "annotator.site.storage.AtomicFileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "bundles" / "by-digest", "base_url": None},
    },
    "staticfiles": {"BACKEND": "annotator.site.static_storage.HashedStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATICFILES_DIRS = [WEB_DIR / "static"]
STATIC_ROOT = DATA_DIR / "staticfiles"
# Pages ask only for hashed names; keeping the plain copies too would double the 40 MB of onnxruntime's WASM.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

WEIGHTS_MIRROR = read("WEIGHTS_MIRROR")
BUNDLE_DIRS = [BUILT_IN_DIR, DATA_DIR / "bundles"]  # bundles in folders of their names

# --- limits on what comes in ---
# A 45-megapixel camera's JPEG is 10-30 MB, a lossless scan of the same some 100.
MAX_IMAGE_BYTES = read("MAX_IMAGE_BYTES")
MAX_IMAGE_PIXELS = read("MAX_IMAGE_PIXELS")
# Taking in a picture costs up to 10 bytes a pixel for a moment: what all processes of a machine decode at once stays
# below 1.3 GB (`annotator.media.turns`).
MAX_PIXELS_AT_ONCE = read("MAX_PIXELS_AT_ONCE")
# RLE and the decoder's frame work on sides up to this length.
MAX_IMAGE_SIDE_PX = read("MAX_IMAGE_SIDE_PX")
KEEP_LOCATION = read("KEEP_LOCATION")
MAX_FILES_PER_REQUEST = read("MAX_FILES_PER_REQUEST")
MAX_ZIP_BYTES = read("MAX_ZIP_BYTES")
MAX_ZIP_ENTRIES = read("MAX_ZIP_ENTRIES")
MAX_ZIP_UNCOMPRESSED_BYTES = read("MAX_ZIP_UNCOMPRESSED_BYTES")
# Photographs hardly shrink in a zip; flat BMP and TIFF drawings do, by 100 at most. More is a bomb.
MAX_ZIP_RATIO = read("MAX_ZIP_RATIO")
MAX_REQUEST_BYTES = read("MAX_REQUEST_BYTES") or MAX_ZIP_BYTES + 16 * MEBIBYTE
# What forms and lists of ids take; some 100,000 of these.
MAX_FORM_BYTES = MEBIBYTE
THUMBNAIL_SIDE_PX = 320
TILED_FROM_PIXELS = (
    40_000_000  # larger images come to the browser in tiles; whole they take 4 bytes a pixel there
)
MAX_PROMPT_POINTS = 1000
MAX_RLE_CHARACTERS = 8 * MEBIBYTE

DATA_UPLOAD_MAX_NUMBER_FILES = MAX_FILES_PER_REQUEST
# Bytes of a request's body apart from files: one large annotation.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * MEBIBYTE
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * MEBIBYTE  # bytes; larger uploads go to a temporary file
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "tmp"
FILE_UPLOAD_PERMISSIONS = None  # the process's mask says who reads a file, as with every other one

# --- jobs ---
# The worker renews its lease three times within this time; one that died is noticed after it.
JOB_LEASE_S = read("JOB_LEASE_S")
JOB_MAX_ATTEMPTS = 3
JOB_RETRY_DELAY_S = read(
    "JOB_RETRY_DELAY_S"
)  # after the first attempt that failed; twice as long after the second
# How often a worker looks into the database for jobs whose wake-up got lost and for leases that ran out.
JOB_SWEEP_INTERVAL_S = read("JOB_SWEEP_INTERVAL_S")
# How many images after the opened one are prepared ahead of the rest of the queue.
EMBEDDING_PREPARE_AHEAD = 3
# The bundle that answers while the embedding of a project's own is not ready; one that is not installed never does.
STAND_IN_BUNDLE = read("STAND_IN_BUNDLE") or BUILT_IN_BUNDLE
# How long a stopping worker lets the running job finish before it gives the job back.
WORKER_STOP_GRACE_S = read("WORKER_STOP_GRACE_S")
EXPORT_KEEP_DAYS = read("EXPORT_KEEP_DAYS")
EXPORT_LINK_HOURS = read("EXPORT_LINK_HOURS")
IMPORT_KEEP_DAYS = read("IMPORT_KEEP_DAYS")
IMPORT_ROOTS = [Path(folder) for folder in read("IMPORT_ROOTS")]
TRASH_KEEP_DAYS = read("TRASH_KEEP_DAYS")
UPLOAD_KEEP_HOURS = read("UPLOAD_KEEP_HOURS")

CELERY_BROKER_URL = read("CELERY_BROKER_URL")
CELERY_BROKER_TRANSPORT_OPTIONS = {}
BROKER_DIR = None
if CELERY_BROKER_URL.startswith("filesystem:"):
    BROKER_DIR = DATA_DIR / "broker"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.2,  # seconds; kombu's default of 1 would be felt when opening an image
    }
DEVICE = read("DEVICE")  # the worker's torch device: auto, cpu, cuda, cuda:1 ...
# What its image encoders compute in and by, and where it is kept what a measurement chose for a bundle on a machine.
ENCODER_PRECISION = read("ENCODER_PRECISION")
ENCODER_BACKEND = read("ENCODER_BACKEND")
PRECISIONS_DIR = DATA_DIR / "precisions"
ENCODER_COMPILE = read("ENCODER_COMPILE")

# What browsers are sent of an embedding: float16 (SAM: 2.1 MB) or int8 (1.05 MB; what it costs: docs/decoder.md).
EMBEDDING_ENCODING = read("EMBEDDING_ENCODING")

# --- API ---
REST_FRAMEWORK = {
    # Token first: its WWW-Authenticate header makes "nobody signed in" a 401, where a session alone would give 403.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotator.api.base.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    # Forms too, as DRF itself takes them: `curl -d name=...` is what people try first.
    "DEFAULT_PARSER_CLASSES": [
        "annotator.api.base.parsers.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_PAGINATION_CLASS": "annotator.api.base.pagination.PageNumberPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_METADATA_CLASS": "annotator.api.base.metadata.Metadata",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "annotator.api.base.errors.handle_exception",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UPLOADED_FILES_USE_URL": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Maskwright",
    "DESCRIPTION": "Projects, images, image embeddings, annotations and exports.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "GET_LIB_DOC_EXCLUDES": "annotator.api.base.schema.bases_without_words",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "annotator.api.base.schema.say_what_every_view_shares",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ImageState": "annotator.models.Image.State",
        "SkipReason": "annotator.models.Image.SkipReason",
        "JobState": "annotator.models.EmbeddingJob.STATES",
        "ExportState": "annotator.models.Export.State",
        "ProjectOverlap": "annotator.models.Overlap",
        "ExportOverlap": OVERLAP.pairs,
        "ImportPhase": "annotator.models.Import.Phase",
        "ImportMatch": "annotator.models.Import.Match",
        "Role": "annotator.models.Role",
    },
}

# --- log and figures ---
METRICS_TOKEN = read("METRICS_TOKEN")
LINE = "{asctime} {levelname:<7} {name}: {message}"
JSON_LINE = {
    "()": "pythonjsonlogger.json.JsonFormatter",
    "fmt": ["asctime", "levelname", "name", "message", "request_id", "user_id", "job_id", "process"],
    "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
}
IS_JSON = read("LOG_FORMAT") == "json"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": JSON_LINE,
        "line": {"format": LINE, "style": "{"},
        "one_line": {"()": "annotator.site.log_lines.OneLineFormatter", "fmt": LINE, "style": "{"},
    },
    "filters": {"context": {"()": "annotator.site.log_context.ContextFilter"}},
    "handlers": {
        name: {
            "class": "logging.StreamHandler",
            "formatter": "json" if IS_JSON else formatter,
            "filters": ["context"],
        }
        for name, formatter in (("stderr", "line"), ("one_line", "one_line"))
    },
    "root": {"handlers": ["stderr"], "level": read("LOG_LEVEL")},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "django.db.backends": {"level": "WARNING"},
        "django.security": {"handlers": ["one_line"], "propagate": False},
        # A line for each request of a download says nothing to people.
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
    },
}
