"""`/console/requests/`: finished calls, by everything that the API filters by; and one of them, taken apart."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from gateway.console.pages.base import ADMINS_HELP, address, given, only, page, principal_of, problem, shown
from gateway.kernel.asking import BadParameter
from gateway.usage.requestlog import rows as requestlog
from gateway.usage.requests import explaining, filters, finding, presenting

PATH = "/console/requests/"
ROWS = 50
LOG = "show"
STATUSES = (filters.OK, filters.FAILED, *filters.CLASSES)
TEXTS = ("person", "token", "group", "model", "provider", "account", "surface")


@require_safe
@page("requests")
def listing(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, (*filters.NAMES, "after"))
    found = finding.page(filters.read(asked), ROWS, asked.get("after", ""))
    context = {
        "asked": asked,
        "fields": [(name, asked.get(name, "")) for name in TEXTS],
        "statuses": STATUSES,
        "rows": [presenting.shown(row) for row in found.rows],
        "next": address(PATH, asked, after=found.next_after) if found.next_after else "",
        "first": address(PATH, asked, after="") if "after" in asked else "",
    }
    return shown(request, "requests", context)


@require_safe
@page("requests")
def one(request: HttpRequest, request_id: str) -> HttpResponseBase:
    asked = given(request)
    only(asked, ("log",))
    row = finding.get(request_id)
    if row is None:
        raise Http404
    may_read = request.user.has_perm(requestlog.PERMISSION)
    if asked.get("log", LOG) != LOG:
        raise BadParameter("log", f"must be {LOG}")
    if "log" in asked and not may_read:
        return problem(request, 403, "You may not read what was kept", ADMINS_HELP)
    log = requestlog.read(row, principal=principal_of(request)) if "log" in asked else None
    told = explaining.whole(row)
    waited = max(0.0, (told["first_byte_seconds"] or told["total_seconds"]) - told["overhead_seconds"])
    rest = max(0.0, told["total_seconds"] - waited - told["overhead_seconds"])
    parts = (("ours", told["overhead_seconds"]), ("waiting for the first byte", waited), ("the rest", rest))
    context = {
        "call": told,
        "parts": _placed(parts, told["total_seconds"]),
        "is_paid_for": settings.GATEWAY.MPP_ENABLE,
        "log": log,
        "has_log": may_read and log is None and requestlog.has(row),
        "show_log": f"{PATH}{row.pk}/?log={LOG}#log",
    }
    return shown(request, "requests/request", context)


def _placed(parts: tuple[tuple[str, float], ...], total: float) -> list[dict[str, object]]:
    """Return the parts of a bar that is 600 wide."""
    found, at = [], 0.0
    for name, seconds in parts:
        width = seconds / total * 600 if total else 0.0
        found.append({"name": name, "seconds": seconds, "x": f"{at:.2f}", "width": f"{width:.2f}"})
        at += width
    return found
