"""What Django serves beside the fast door: the admin, and the management API with its documents."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from gateway.api import api

urlpatterns: list[URLPattern | URLResolver] = [path("admin/", admin.site.urls), path("", api.urls)]
