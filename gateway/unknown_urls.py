"""The paths of a request whose own is none of ours in disguise: all unknown. `PathMiddleware` chooses these."""

from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt

from gateway.entrypoints import django_entry_point

urlpatterns = [re_path(r"", csrf_exempt(django_entry_point))]
