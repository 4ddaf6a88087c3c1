"""A project of somebody else's that takes the gateway in: its own URLs and middleware, the gateway's options."""

import dataclasses

from gateway.settings import *  # noqa: F403 - as docs/embedding.md tells

GATEWAY = dataclasses.replace(GATEWAY, METRICS_PUBLIC=True)  # noqa: F405
ROOT_URLCONF = "host.urls"
MIDDLEWARE = [
    "gateway.api.middleware.request_id_middleware",
    "gateway.api.middleware.ErrorMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
