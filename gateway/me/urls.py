"""List the paths of pages of one's own."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, path

from gateway.me import first, handover, page, rotating, security, testing


def urls() -> list[URLPattern]:
    """Return them: none with DISABLE_CONSOLE."""
    if settings.GATEWAY.DISABLE_CONSOLE:
        return []
    return [
        path("me/", page.me),
        path("me/leave", page.leave),
        path("me/rotate", rotating.rotate),
        path("me/security/", security.security),
        path("me/test", testing.test),
        path("setup/<str:secret>", first.setup),
        path("handover/<str:secret>", handover.handover),
    ]
