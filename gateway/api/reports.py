"""Reports for an operator's tools: counters for Prometheus, the same as JSON, and the accounts' state."""

from __future__ import annotations

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from accounts.pool.overview import accounts_view
from gateway.access.guards import admin_required
from gateway.runtime.composition import current
from gateway.telemetry.metrics import CONTENT_TYPE


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer `GET /metrics`: the reference's families first, then ours and django-prometheus' own."""
    return HttpResponse(current().composed.metrics.metrics_text(), content_type=CONTENT_TYPE)


@require_safe
def usage(request: HttpRequest) -> HttpResponse:
    """Answer `GET /v1/usage`: the counters with the reference's keys."""
    return HttpResponse(current().composed.metrics.usage_view(), content_type="application/json")


@require_safe
def accounts(request: HttpRequest) -> HttpResponse:
    """Answer `GET /v1/accounts`: every account, its cooldowns and quota windows, for administrators only."""
    runtime = current()
    view = accounts_view(runtime.composed.pool, include_paths=True, elsewhere=runtime.used_elsewhere())
    return HttpResponse(orjson.dumps(view), content_type="application/json")


def urls() -> list[URLPattern]:
    """Return the reports' paths: none with DISABLE_METRICS; `/metrics` for everybody with METRICS_PUBLIC."""
    if settings.GATEWAY.DISABLE_METRICS:
        return []
    return [
        path("metrics", metrics if settings.GATEWAY.METRICS_PUBLIC else admin_required(metrics)),
        path("v1/usage", admin_required(usage)),
        path("v1/accounts", admin_required(accounts)),
    ]
