"""Somebody who calls routers of the management API, as the gateway does once its guard has let her in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.testing import TestClient

from gateway.kernel.principal import ATTRIBUTE
from tests.principals import SOMEBODY


def asked_by_somebody(request: HttpRequest) -> bool:
    """Note who asks: an `auth=` of django-ninja."""
    setattr(request, ATTRIBUTE, SOMEBODY)
    return True


class SomebodysClient(TestClient):
    """Calls one router."""

    def _build_request(self, *args: Any, **kwargs: Any) -> Any:
        request = super()._build_request(*args, **kwargs)
        asked_by_somebody(request)
        return request
