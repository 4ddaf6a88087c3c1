"""Django's settings: the gateway's options in one object, `GATEWAY`, and what Django and its apps need beside it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway import VERSION
from gateway.config import reading, trackers
from gateway.config.databases import databases
from gateway.config.table import Options, table
from gateway.kernel.keys import data_encryption_keys, django_secret_key
from gateway.kernel.redaction import redact
from gateway.telemetry import logs

GATEWAY: Options = reading.current()
"""Every option of the gateway (`gateway/config/table.py`), read once."""

OWN_SECRETS = frozenset(option.name for option in table().values() if option.is_secret)
"""No provider and no account may be called with one of these."""

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = "gateway.console.formats"  # DATETIME_FORMAT alone loses to the language's own
APPEND_SLASH = False
ALLOWED_HOSTS: list[str] = list(GATEWAY.ALLOWED_HOSTS) or ["*"]

SECRET_KEY = django_secret_key(GATEWAY.DJANGO_SECRET_KEY, GATEWAY.TOKEN_SECRET)
DATA_ENCRYPTION_KEYS = data_encryption_keys(GATEWAY.ENCRYPTION_KEYS, GATEWAY.TOKEN_SECRET)
"""Keys of 32 bytes for secrets at rest: the first encrypts, all decrypt."""

ACTOR_BASE_URL = (
    GATEWAY.ACTIVITYPUB_ACTOR_BASE_URL
    or GATEWAY.PUBLIC_URL
    or f"http://{GATEWAY.ROUTER_HOST}:{GATEWAY.ROUTER_PORT}"
).rstrip("/")
"""The public address, without trailing slash."""
FEDERATION_PEERS = trackers.callable_ones(GATEWAY)
"""Addresses of federation that the operator chose: their origins are called wherever they are."""
SOFTWARE_VERSION = VERSION

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
    "gateway.api.middleware.request_id_middleware",
    "gateway.api.middleware.PageMiddleware",
    "gateway.api.middleware.PathMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gateway.api.middleware.HeadMiddleware",
    "gateway.api.middleware.CookieMiddleware",
    "gateway.api.middleware.ErrorMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "gateway.api.middleware.PrincipalMiddleware",
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
DATABASES = databases(GATEWAY.DATA_DIR, GATEWAY.DATABASE_URL)
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
DATA_UPLOAD_MAX_MEMORY_SIZE = GATEWAY.MAX_BODY_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = GATEWAY.MAX_BODY_BYTES

# CookieMiddleware takes `Secure` off where the request itself came in clear.
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [
    "{0.scheme}://{0.netloc}".format(urlsplit(address))
    for address in (GATEWAY.ACTIVITYPUB_ACTOR_BASE_URL, GATEWAY.PUBLIC_URL)
    if address
]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if GATEWAY.TRUSTED_PROXIES else None
# TLS ends at the proxy in front, which redirects and sends HSTS; loopback is served in clear.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]

LOGGING = logs.config("debug" if GATEWAY.VERBOSE else GATEWAY.LOG_LEVEL, GATEWAY.LOG_FORMAT)
for _option in table().values():
    if _option.is_secret:
        _value = getattr(GATEWAY, _option.name)
        redact.add(_value if _option.is_list else [_value])
