"""`/console/audit/`: who changed what, before and after; all of it as lines of JSON."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from gateway.audit import exporting, finding
from gateway.audit.finding import WAYS, Filters
from gateway.console.pages.base import address, given, only, page, principal_of, shown
from gateway.kernel.asking import BadParameter
from gateway.kernel.streaming import streamed

PATH = "/console/audit/"
ROWS = 50
NAMES = ("who", "action", "subject", "via", "from", "to")
LINES = "jsonl"


@require_safe
@page("audit")
def audit(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, (*NAMES, "after", "format"))
    filters = Filters(*(asked.get(name, "") for name in NAMES))
    if asked.get("format", LINES) != LINES:
        raise BadParameter("format", f"must be {LINES}")
    if "format" in asked:
        lines = exporting.export(filters, principal=principal_of(request))
        response = StreamingHttpResponse(streamed(lines), content_type=exporting.MEDIA_TYPE)
        response["Content-Disposition"] = 'attachment; filename="audit.jsonl"'
        return response
    found = finding.page(filters, ROWS, asked.get("after", ""))
    context = {
        "asked": asked,
        "ways": WAYS,
        "fields": [(name, asked.get(name, "")) for name in ("who", "action", "subject")],
        "rows": [{**finding.shown(row), "changes": _changes(row.before, row.after)} for row in found.rows],
        "next": address(PATH, asked, after=found.next_after) if found.next_after else "",
        "first": address(PATH, asked, after="") if "after" in asked else "",
        "lines": address(PATH, asked, format=LINES, after=""),
    }
    return shown(request, "audit", context)


def _changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the fields that differ, with both values."""
    earlier, later = before or {}, after or {}
    return [
        {"name": name, "before": earlier.get(name), "after": later.get(name)} for name in {**earlier, **later}
    ]
