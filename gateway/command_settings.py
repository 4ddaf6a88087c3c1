"""Django's settings for commands that read and change rows: without the apps that serve pages, which cost a start."""

from gateway.settings import *  # noqa: F403
from gateway.settings import INSTALLED_APPS as _ALL

PAGES = ("django.contrib.admin", "django.contrib.staticfiles", "django_prometheus", "ninja")
INSTALLED_APPS = [app for app in _ALL if app not in PAGES]
