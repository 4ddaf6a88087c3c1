"""What the operator's tools read: counters for Prometheus, the same as JSON, and the accounts' state."""

from __future__ import annotations

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from accounts.overview import accounts_view
from gateway.guards import admin_required
from gateway.metrics import CONTENT_TYPE, METRICS
from gateway.runtime import runtime


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """`GET /metrics`: the reference's families first, then ours and django-prometheus' own."""
    return HttpResponse(METRICS.metrics_text(), content_type=CONTENT_TYPE)


@require_safe
def usage(request: HttpRequest) -> HttpResponse:
    """`GET /v1/usage`: the counters with the reference's keys."""
    return HttpResponse(METRICS.usage_view(), content_type="application/json")


@require_safe
def accounts(request: HttpRequest) -> HttpResponse:
    """`GET /v1/accounts`: every account, its cooldowns and quota windows. Only administrators come here."""
    return HttpResponse(
        orjson.dumps(accounts_view(runtime.pool, include_paths=True, elsewhere=runtime.used_elsewhere())),
        content_type="application/json",
    )


def urls() -> list[URLPattern]:
    """None of them with DISABLE_METRICS; `/metrics` for everybody with METRICS_PUBLIC."""
    if settings.DISABLE_METRICS:
        return []
    return [
        path("metrics", metrics if settings.METRICS_PUBLIC else admin_required(metrics)),
        path("v1/usage", admin_required(usage)),
        path("v1/accounts", admin_required(accounts)),
    ]
