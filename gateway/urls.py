"""The paths that Django serves: the admin, reports, federation, the management API, and every surface.

In front of it stands `AsgiEntryPoint` (`gateway/asgi.py`), which takes the surfaces first. The last line
answers every path that has no other answer: 401 without a token, 404 with one.
"""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from gateway.api import discovery, reports, surfaces
from gateway.api.management import api
from gateway.console import front, staff
from gateway.console.pages.urls import urls as console_urls
from gateway.entrypoints import django_entry_point
from gateway.me.urls import urls as me_urls
from gateway.runtime import from_settings
from gateway.signin import logins
from gateway.signin.urls import urls as signin_urls

surfaces.declare(api, from_settings.table(settings.GATEWAY))
admin.site.site_header = "Link.Assistant.Router"
admin.site.site_title = "Link.Assistant.Router"
admin.site.index_title = "Overview"
admin.site.site_url = None  # "View site" would lead to a path for clients
admin.site.enable_nav_sidebar = False  # lists are wide, and the overview names every page

urlpatterns: list[URLPattern | URLResolver] = [
    *front.urls(),
    *console_urls(),
    *me_urls(),
    path("admin/login/", logins.admin_login),
    path("admin/password_change/", admin.site.admin_view(staff.password_change, cacheable=True)),
    path("admin/", admin.site.urls),
    *reports.urls(),
    *discovery.urls(),
    *signin_urls(),
    path("", include("forgefed.urls")),
    path("", api.urls),
    re_path(r"", csrf_exempt(django_entry_point)),
]
