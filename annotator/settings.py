"""Environment -> settings, once. Every limit carries its unit in its name and its reason beside it.

Nothing else in the project reads the environment (but `create_demo`, which reads `MASKWRIGHT_DEMO_PASSWORD`).
"""

from __future__ import annotations

import os
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from annotator.site.secret_key import read_or_make_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent


def env_bool(name: str, default: bool) -> bool:
    return os.environ.get(name, "1" if default else "0").strip().lower() in {"1", "true", "yes", "on"}


def env_int(name: str, default: int) -> int:
    return int(os.environ.get(name) or default)


def env_list(name: str, default: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


# --- where everything lies ---
DATA_DIR = Path(os.environ.get("DATA_DIR") or BASE_DIR / "data").resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)
HOST = os.environ.get("HOST") or "127.0.0.1"
PORT = env_int("PORT", 8000)

# --- security ---
DEBUG = env_bool("DEBUG", False)
SECRET_KEY = os.environ.get("SECRET_KEY") or read_or_make_secret_key(DATA_DIR / "secret_key")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", f"localhost,127.0.0.1,[::1],{HOST}")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", "")
# Behind a TLS proxy set HTTPS=1: cookies then travel over TLS only and the proxy's header is believed.
HTTPS = env_bool("HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
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
]
AUTHENTICATION_BACKENDS = ["annotator.people.login_attempts.CountingModelBackend"]
LOGIN_FAILURES_MAX = env_int("LOGIN_FAILURES_MAX", 10)  # per address and user name, within the window
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
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "annotator.site.middleware.IsolationHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# --- database ---
DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'maskwright.sqlite3'}",
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
        "BACKEND": "annotator.site.storage.AtomicFileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "media", "base_url": None},
    },
    "staticfiles": {"BACKEND": "annotator.site.static_storage.HashedStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "staticfiles"
# Pages ask only for hashed names; keeping the plain copies too would double the 40 MB of onnxruntime's WASM.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

BUNDLE_DIRS = [BASE_DIR / "segmentation" / "bundles", DATA_DIR / "bundles"]
DECODER_DIR = DATA_DIR / "decoders"

# --- limits on what comes in ---
MEBIBYTE = 1024 * 1024
# A 45-megapixel camera's JPEG is 10-30 MB, a lossless scan of the same some 100.
MAX_IMAGE_BYTES = env_int("MAX_IMAGE_BYTES", 100 * MEBIBYTE)
# Decoded RGB costs 3 bytes a pixel: 100 megapixels are 300 MB for a moment, what a small server can give.
MAX_IMAGE_PIXELS = env_int("MAX_IMAGE_PIXELS", 100_000_000)
# RLE and the decoder's frame work on sides up to this length.
MAX_IMAGE_SIDE_PX = env_int("MAX_IMAGE_SIDE_PX", 32_768)
MAX_FILES_PER_REQUEST = env_int("MAX_FILES_PER_REQUEST", 500)
MAX_ZIP_BYTES = env_int("MAX_ZIP_BYTES", 4096 * MEBIBYTE)
MAX_ZIP_ENTRIES = env_int("MAX_ZIP_ENTRIES", 10_000)
MAX_ZIP_UNCOMPRESSED_BYTES = env_int("MAX_ZIP_UNCOMPRESSED_BYTES", 8192 * MEBIBYTE)
# Photographs hardly shrink in a zip; flat BMP and TIFF drawings do, by 100 at most. More is a bomb.
MAX_ZIP_RATIO = env_int("MAX_ZIP_RATIO", 200)
MAX_REQUEST_BYTES = env_int("MAX_REQUEST_BYTES", MAX_ZIP_BYTES + 16 * MEBIBYTE)
THUMBNAIL_SIDE_PX = 320
MAX_PROMPT_POINTS = 1000
MAX_RLE_CHARACTERS = 8 * MEBIBYTE

DATA_UPLOAD_MAX_NUMBER_FILES = MAX_FILES_PER_REQUEST
DATA_UPLOAD_MAX_MEMORY_SIZE = (
    16 * MEBIBYTE
)  # bytes of a request's body apart from files: one large annotation
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * MEBIBYTE  # bytes; larger uploads go to a temporary file
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "tmp"
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True)

# --- jobs ---
# The worker renews its lease three times within this time; one that died is noticed after it.
JOB_LEASE_S = env_int("JOB_LEASE_S", 30)
JOB_MAX_ATTEMPTS = 3
# How often a worker looks into the database for jobs whose wake-up got lost and for leases that ran out.
JOB_SWEEP_INTERVAL_S = env_int("JOB_SWEEP_INTERVAL_S", 5)
# How many images after the opened one are prepared ahead of the rest of the queue.
EMBEDDING_PREPARE_AHEAD = 3
# How long a stopping worker lets the running job finish before it gives the job back.
WORKER_STOP_GRACE_S = env_int("WORKER_STOP_GRACE_S", 10)
EXPORT_KEEP_DAYS = env_int("EXPORT_KEEP_DAYS", 30)

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or "filesystem://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS = {}
if CELERY_BROKER_URL.startswith("filesystem:"):
    BROKER_DIR = DATA_DIR / "broker"
    for _folder in (BROKER_DIR / "messages", BROKER_DIR / "control"):
        _folder.mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.2,  # seconds; kombu's default of 1 would be felt when opening an image
    }
DEVICE = os.environ.get("DEVICE") or "auto"  # the worker's torch device: auto, cpu, cuda, cuda:1 ...

# What browsers are sent of an embedding: float16 (SAM: 2.1 MB) or int8 (1.05 MB; what it costs: docs/decoder.md).
EMBEDDING_ENCODING = os.environ.get("EMBEDDING_ENCODING") or "float16"
if EMBEDDING_ENCODING not in ("float16", "int8"):
    raise ImproperlyConfigured(f"EMBEDDING_ENCODING is {EMBEDDING_ENCODING!r}; it must be float16 or int8")

# --- API ---
REST_FRAMEWORK = {
    # Token first: its WWW-Authenticate header makes "nobody signed in" a 401, where a session alone would give 403.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
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
    "ENUM_NAME_OVERRIDES": {
        "ImageState": "annotator.models.Image.State",
        "JobState": "annotator.models.EmbeddingJob.STATES",
        "ExportState": "annotator.models.Export.State",
        "Role": "annotator.models.Role",
    },
}

# --- log ---
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL") or "INFO"},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "django.db.backends": {"level": "WARNING"},
    },
}
