"""List the pages' paths."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, path

from gateway.console.pages import audit, overview, requests, usage


def urls() -> list[URLPattern]:
    """Return them: none with DISABLE_CONSOLE."""
    if settings.GATEWAY.DISABLE_CONSOLE:
        return []
    return [
        path("console/", overview.overview),
        path("console/accounts/<str:name>/<str:action>/", overview.act),
        path("console/requests/", requests.listing),
        path("console/requests/<str:request_id>/", requests.one),
        path("console/usage/", usage.usage),
        path("console/audit/", audit.audit),
    ]
