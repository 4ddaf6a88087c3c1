"""`/console/alerts/`: channels, rules and what was told; forms for who may change them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gateway.alerts import fields, logbook, services, trying
from gateway.alerts.errors import AlertError, AlertNotFound
from gateway.alerts.models import AlertEvent, ChannelKind
from gateway.console.pages import once
from gateway.console.pages.base import address, given, only, page, principal_of, problem, shown

PATH = "/console/alerts/"
ROWS = 50
STATES = ("firing", "resolved", "test")
CHANGE = "gateway.change_alertrule"
EXAMPLES = {
    "email": "ann@example.org",
    "webhook": "https://example.org/hook",
    "slack": "https://hooks.slack.com/services/…",
    "discord": "https://discord.com/api/webhooks/…",
    "teams": "https://….webhook.office.com/…",
}


@require_safe
@page("alerts")
def listing(request: HttpRequest) -> HttpResponseBase:
    """Show channels, rules and the log."""
    asked = given(request)
    only(asked, (*logbook.NAMES, "after"))
    log, next_after = logbook.page(
        {name: asked.get(name, "") for name in logbook.NAMES}, ROWS, asked.get("after", "")
    )
    context = {
        "asked": asked,
        "channels": [_channel(row) for row in services.channels()],
        "rules": [
            {"id": row.pk, **services.of_rule(row), "words": row.get_event_display()}
            for row in services.rules()
        ],
        "log": log,
        "states": STATES,
        "events": AlertEvent.values,
        "may_change": may_change(request),
        "told": once.taken(request, "alerts"),
        "next": address(PATH, asked, after=next_after) if next_after else "",
        "first": address(PATH, asked, after="") if "after" in asked else "",
    }
    return shown(request, "alerts", context)


@require_http_methods(["GET", "POST"])
@page("alerts")
def rule(request: HttpRequest, rule_id: str = "") -> HttpResponseBase:
    """Show a rule's form, or save it."""
    if not may_change(request):
        return refused(request)
    try:
        before = services.of_rule(services.get_rule(rule_id)) if rule_id else {}
        if request.method == "POST":
            values = _rule_given(request)
            if rule_id:
                services.change_rule(rule_id, values, principal=principal_of(request))
            else:
                services.create_rule(values, principal=principal_of(request))
            return redirect(PATH)
    except AlertNotFound as exc:
        raise Http404 from exc
    except AlertError as exc:
        return _rule_form(request, rule_id, {**_rule_given(request)}, exc)
    return _rule_form(request, rule_id, before)


@require_http_methods(["GET", "POST"])
@page("alerts")
def channel(request: HttpRequest, name: str = "") -> HttpResponseBase:
    """Show a channel's form, or save it; a new secret is shown once, on the list."""
    if not may_change(request):
        return refused(request)
    wanted = ("target",) if name else ("name", "kind", "target", "secret")
    values = {each: str(request.POST[each]).strip() for each in wanted if request.POST.get(each)}
    try:
        before = services.of_channel(services.get_channel(name)) if name else {}
        if request.method == "POST":
            principal = principal_of(request)
            if name:
                secret = {"secret": None} if request.POST.get("new_secret") else {}
                made = services.change_channel(name, {**values, **secret}, principal=principal)
            else:
                made = services.create_channel(values, principal=principal)
            if made.secret:
                once.leave(request, "alerts", {"secret": made.secret, "channel": made.channel.name})
            return redirect(PATH)
    except AlertNotFound as exc:
        raise Http404 from exc
    except AlertError as exc:
        return _channel_form(request, name, values, exc)
    return _channel_form(request, name, {**before, "target": ""} if name else {})


@require_POST
@page("alerts")
def act(request: HttpRequest, kind: str, name: str, action: str) -> HttpResponseBase:
    """Test or remove a channel, remove or switch a rule, and lead back to the list."""
    if not may_change(request):
        return refused(request)
    principal = principal_of(request)
    try:
        match kind, action:
            case "channels", "test":
                told = trying.as_json(trying.try_channel(name, principal=principal))
                once.leave(request, "alerts", {"tested": name, **told})
            case "channels", "remove":
                services.remove_channel(name, principal=principal)
            case "rules", "remove":
                services.remove_rule(name, principal=principal)
            case "rules", "on" | "off":
                services.change_rule(name, {"enabled": action == "on"}, principal=principal)
            case _:
                raise Http404
    except AlertNotFound as exc:
        raise Http404 from exc
    return redirect(PATH)


def may_change(request: HttpRequest) -> bool:
    return request.user.has_perm(CHANGE)


def refused(request: HttpRequest) -> HttpResponseBase:
    return problem(request, 403, "You may not do this", "It takes the role of an admin.")


def _rule_given(request: HttpRequest) -> dict[str, Any]:
    """Return a rule's fields as the form has them."""
    said = request.POST
    threshold = str(said.get("threshold", "")).strip()
    event = str(said.get("event", ""))
    has_threshold = event in fields.THRESHOLDS and threshold
    return {
        "event": event,
        "threshold": (int(threshold) if threshold.isascii() and threshold.isdecimal() else threshold)
        if has_threshold
        else None,
        "subject": str(said.get("subject", "")).strip(),
        "channels": [str(name) for name in said.getlist("channels")],
        "enabled": "enabled" in said,
        "quiet_from": str(said.get("quiet_from", "")),
        "quiet_to": str(said.get("quiet_to", "")),
    }


def _rule_form(
    request: HttpRequest, rule_id: str, values: dict[str, Any], exc: AlertError | None = None
) -> HttpResponseBase:
    names = [row.name for row in services.channels()]
    values = values or {"event": "budget", "threshold": 80, "channels": names[:1], "enabled": True}
    context = {
        "rule_id": rule_id,
        "values": values,
        "events": AlertEvent.choices,
        "channels": [{"name": name, "is_chosen": name in values["channels"]} for name in names],
        "problem": exc,
        "field": getattr(exc, "param", ""),
    }
    return shown(request, "alerts/alert_rule", context, 200 if exc is None else 400)


def _channel_form(
    request: HttpRequest, name: str, values: dict[str, Any], exc: AlertError | None = None
) -> HttpResponseBase:
    kind = services.get_channel(name).kind if name else ""
    context = {
        "name": name,
        "kind": kind,
        "values": values,
        "kinds": ChannelKind.choices,
        "examples": EXAMPLES.items(),
        "problem": exc,
        "field": getattr(exc, "param", ""),
    }
    return shown(request, "alerts/alert_channel", context, 200 if exc is None else 400)


def _channel(row: Any) -> dict[str, Any]:
    return {**services.of_channel(row), "path": f"{PATH}channels/{quote(row.name, safe='')}/"}
