"""What Django serves beside the fast door: admin, federation, and the management API with its documents."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from gateway.api import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("", include("forgefed.urls")),
    path("", api.urls),
]
