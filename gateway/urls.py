"""What Django serves: the admin, reports, federation, the management API, and the Django door to every surface.

In front of it stands the fast door (`gateway/asgi.py`), which takes the surfaces first. The last line is the answer to
every path that nobody has: 401 without a token, 404 with one.
"""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from gateway import reports, surface_api
from gateway.api import api
from gateway.doors import django_door
from gateway.runtime import runtime

surface_api.declare(api, runtime.table)
admin.site.site_header = "Link.Assistant.Router"
admin.site.site_title = "Link.Assistant.Router"
admin.site.index_title = "Overview"
admin.site.site_url = None  # "View site" would lead to a path for clients
admin.site.enable_nav_sidebar = False  # lists are wide, and the overview names every page

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    *reports.urls(),
    path("", include("forgefed.urls")),
    path("", api.urls),
    re_path(r"", csrf_exempt(django_door)),
]
