"""A project of somebody else's that takes the gateway in: its own URLs and middleware, the gateway's options."""

from gateway.settings import *  # noqa: F403 - as the README tells

ROOT_URLCONF = "host.urls"
MIDDLEWARE = [
    "gateway.middleware.request_id_middleware",
    "gateway.middleware.ErrorMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
