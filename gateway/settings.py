"""Django's settings: every option under its own name, and what Django and its apps need beside them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway import VERSION as VERSION
from gateway import env, logs
from gateway.databases import databases
from gateway.keys import data_encryption_keys, django_secret_key
from gateway.option_table import table

_options = env.current()

ROUTER_HOST = _options.ROUTER_HOST
ROUTER_PORT = _options.ROUTER_PORT
VERBOSE = _options.VERBOSE
TOKEN_SECRET = _options.TOKEN_SECRET
TOKEN_ADMIN_KEY = _options.TOKEN_ADMIN_KEY
CLAUDE_CODE_HOME = _options.CLAUDE_CODE_HOME
ADDITIONAL_ACCOUNT_DIRS = _options.ADDITIONAL_ACCOUNT_DIRS
UPSTREAM_BASE_URL = _options.UPSTREAM_BASE_URL
UPSTREAM_API_FORMAT = _options.UPSTREAM_API_FORMAT
UPSTREAM_PROVIDER = _options.UPSTREAM_PROVIDER
ROUTING_MODE = _options.ROUTING_MODE
CLAUDE_CLI_BIN = _options.CLAUDE_CLI_BIN
STORAGE_POLICY = _options.STORAGE_POLICY
DATA_DIR = _options.DATA_DIR
OPENAI_COMPATIBLE_PROVIDER_NAME = _options.OPENAI_COMPATIBLE_PROVIDER_NAME
OPENAI_COMPATIBLE_BASE_URL = _options.OPENAI_COMPATIBLE_BASE_URL
OPENAI_COMPATIBLE_API_KEY = _options.OPENAI_COMPATIBLE_API_KEY
OPENAI_COMPATIBLE_API_KEY_ENV = _options.OPENAI_COMPATIBLE_API_KEY_ENV
OPENAI_COMPATIBLE_MODEL = _options.OPENAI_COMPATIBLE_MODEL
OPENAI_COMPATIBLE_MODELS = _options.OPENAI_COMPATIBLE_MODELS
GONKA_PRIVATE_KEY = _options.GONKA_PRIVATE_KEY
GONKA_SOURCE_URL = _options.GONKA_SOURCE_URL
GONKA_MODEL = _options.GONKA_MODEL
CRATER_FORGEFED_INBOX = _options.CRATER_FORGEFED_INBOX
CRATER_FORGEFED_ACTOR = _options.CRATER_FORGEFED_ACTOR
CRATER_FORGEFED_TARGET = _options.CRATER_FORGEFED_TARGET
CRATER_POLL_INTERVAL_MS = _options.CRATER_POLL_INTERVAL_MS
CRATER_POLL_TIMEOUT_SECS = _options.CRATER_POLL_TIMEOUT_SECS
ACTIVITYPUB_ACTOR_BASE_URL = _options.ACTIVITYPUB_ACTOR_BASE_URL
ACTIVITYPUB_PUBLIC_KEY_PEM = _options.ACTIVITYPUB_PUBLIC_KEY_PEM
DISABLE_OPENAI_API = _options.DISABLE_OPENAI_API
DISABLE_ANTHROPIC_API = _options.DISABLE_ANTHROPIC_API
DISABLE_METRICS = _options.DISABLE_METRICS
EXPERIMENTAL_COMPATIBILITY = _options.EXPERIMENTAL_COMPATIBILITY
MPP_ENABLE = _options.MPP_ENABLE
MPP_AMOUNT = _options.MPP_AMOUNT
MPP_CURRENCY = _options.MPP_CURRENCY
MPP_RECIPIENT = _options.MPP_RECIPIENT
MPP_METHOD = _options.MPP_METHOD
SERVER = _options.SERVER
WORKERS = _options.WORKERS
LOG_LEVEL = _options.LOG_LEVEL
LOG_FORMAT = _options.LOG_FORMAT
ALLOW_WEAK_SECRET = _options.ALLOW_WEAK_SECRET
ALLOW_ANONYMOUS_ADMIN = _options.ALLOW_ANONYMOUS_ADMIN
METRICS_PUBLIC = _options.METRICS_PUBLIC
TOKEN_ACCEPT_UNRECORDED = _options.TOKEN_ACCEPT_UNRECORDED
DJANGO_SECRET_KEY = _options.DJANGO_SECRET_KEY
ENCRYPTION_KEYS = _options.ENCRYPTION_KEYS
TRUSTED_PROXIES = _options.TRUSTED_PROXIES
DATABASE_URL = _options.DATABASE_URL
REDIS_URL = _options.REDIS_URL
REDIS_DOWN = _options.REDIS_DOWN
ALLOW_LOCAL_LIMITS = _options.ALLOW_LOCAL_LIMITS
ANTHROPIC_API_KEY = _options.ANTHROPIC_API_KEY
ANTHROPIC_EXTRA_PATHS = _options.ANTHROPIC_EXTRA_PATHS
OAUTH_TOKEN_URL = _options.OAUTH_TOKEN_URL
OAUTH_WRITE_BACK = _options.OAUTH_WRITE_BACK
ACCOUNT_ROUTING_STRATEGY = _options.ACCOUNT_ROUTING_STRATEGY
ACCOUNT_COOLDOWN_SECONDS = _options.ACCOUNT_COOLDOWN_SECONDS
SESSION_IDLE_SECONDS = _options.SESSION_IDLE_SECONDS
RETRY_ATTEMPTS = _options.RETRY_ATTEMPTS
RETRY_SECONDS = _options.RETRY_SECONDS
UNKNOWN_MODEL = _options.UNKNOWN_MODEL
RESPONSES_STORE_SECONDS = _options.RESPONSES_STORE_SECONDS
MAX_BODY_BYTES = _options.MAX_BODY_BYTES
UPSTREAM_CONNECT_TIMEOUT_SECONDS = _options.UPSTREAM_CONNECT_TIMEOUT_SECONDS
UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS = _options.UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS
UPSTREAM_IDLE_TIMEOUT_SECONDS = _options.UPSTREAM_IDLE_TIMEOUT_SECONDS
PING_SECONDS = _options.PING_SECONDS
DRAIN_SECONDS = _options.DRAIN_SECONDS
DRAIN_DELAY_SECONDS = _options.DRAIN_DELAY_SECONDS
BUDGET_TIME_ZONE = _options.BUDGET_TIME_ZONE
UNKNOWN_PRICE = _options.UNKNOWN_PRICE
USAGE_RETENTION_DAYS = _options.USAGE_RETENTION_DAYS
SPOOL_MAX_BYTES = _options.SPOOL_MAX_BYTES
ALLOWED_HOSTS: list[str] = list(_options.ALLOWED_HOSTS) or ["*"]

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = "gateway.formats"  # DATETIME_FORMAT alone loses to the language's own
APPEND_SLASH = False

SECRET_KEY = django_secret_key(DJANGO_SECRET_KEY, TOKEN_SECRET)
DATA_ENCRYPTION_KEYS = data_encryption_keys(ENCRYPTION_KEYS, TOKEN_SECRET)
"""Keys of 32 bytes for secrets at rest: the first encrypts, all decrypt."""

ACTOR_BASE_URL = (ACTIVITYPUB_ACTOR_BASE_URL or f"http://{ROUTER_HOST}:{ROUTER_PORT}").rstrip("/")
"""The public address, without trailing slash."""

INSTALLED_APPS = [
    "gateway",  # before staticfiles: its runserver is ours
    "tokens",
    "accounts",
    "providers",
    "forgefed",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_prometheus",
    "ninja",
]
MIDDLEWARE = [
    "gateway.middleware.request_id_middleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gateway.middleware.HeadMiddleware",
    "gateway.middleware.CookieMiddleware",
    "gateway.middleware.ErrorMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "gateway.urls"
ASGI_APPLICATION = "gateway.asgi.application"
LOGIN_URL = "admin:login"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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
DATABASES = databases(DATA_DIR, DATABASE_URL)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# The admin's files come straight from the installed packages: no collectstatic step.
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
# The admin's small files: read whole, which is what the warning is about.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

# The surfaces' own limit answers 413. Up to it a body stays in memory: prompts don't belong on disk.
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

# CookieMiddleware takes `Secure` off where the request itself came in clear.
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = (
    ["{0.scheme}://{0.netloc}".format(urlsplit(ACTOR_BASE_URL))] if ACTIVITYPUB_ACTOR_BASE_URL else []
)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
# TLS ends at the proxy in front, which redirects and sends HSTS; loopback is served in clear.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]

LOGGING = logs.config("debug" if VERBOSE else LOG_LEVEL, LOG_FORMAT)
for _option in table().values():
    if _option.is_secret:
        _value = getattr(_options, _option.name)
        logs.redact.add(_value if _option.is_list else [_value])
