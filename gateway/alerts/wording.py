"""Say what has happened: title, text and severity of an alert, and where it is looked at. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from gateway.alerts.models import FIRING, RESOLVED, TEST, AlertEvent
from gateway.kernel.moments import distance, end_for_people

Details = Mapping[str, Any]

CRITICAL, WARNING, INFO = "critical", "warning", "info"
_CRITICAL = (AlertEvent.PROVIDER_OUT, AlertEvent.DATABASE, AlertEvent.REDIS)
_WHAT = {
    AlertEvent.ACCOUNT_OUT: ("{name} is out", "{name} serves again"),
    AlertEvent.ACCOUNT_LOGIN: ("{name} needs a new login", "{name} is logged in again"),
    AlertEvent.PROVIDER_OUT: ("Provider {name} is out", "Provider {name} serves again"),
    AlertEvent.DATABASE: ("The database is away", "The database is back"),
    AlertEvent.REDIS: ("Redis is away", "Redis is back"),
}
_PAGES = {
    "token": "/console/usage/?token={}&by=model",
    "group": "/console/usage/?group={}&by=person",
    "person": "/console/usage/?person={}&by=model",
    "account": "/console/requests/?account={}",
    "provider": "/console/requests/?provider={}",
}
LONGEST_TITLE = 200


def content(event: str, state: str, subject: str, threshold: int | None, details: Details) -> dict[str, Any]:
    """Return what a message says, apart from its id and time."""
    title = _title(event, state, subject, details)
    return {
        "event": event,
        "state": state,
        "severity": _severity(event, state, details),
        "subject": subject,
        "threshold": threshold,
        "title": _one_line(title),
        "text": _text(event, state, title, details),
        "details": dict(details),
    }


def of_test(name: str) -> dict[str, Any]:
    """Return what a test of a channel says."""
    text = f"Alerts reach the channel {name}."
    return {
        "event": TEST,
        "state": TEST,
        "severity": INFO,
        "subject": f"channel:{name}",
        "threshold": None,
        "title": "Test of Link.Assistant.Router",
        "text": text,
        "details": {},
    }


def page_of(event: str, subject: str) -> str:
    """Return the path of the page where one looks further."""
    kind, _, name = subject.partition(":")
    if event == AlertEvent.ERROR_RATE and kind in _PAGES:
        return f"/console/requests/?status=failed&{kind}={quote(name, safe='')}"
    if event == AlertEvent.ERROR_RATE:
        return "/console/requests/?status=failed"
    return _PAGES.get(kind, "/console/alerts/").format(quote(name, safe=""))


def _severity(event: str, state: str, details: Details) -> str:
    if state == RESOLVED:
        return INFO
    is_full = event in (AlertEvent.BUDGET, AlertEvent.DISK) and details.get("percent", 0) >= 100 - 5 * (
        event == AlertEvent.DISK
    )
    return CRITICAL if event in _CRITICAL or is_full else WARNING


def _title(event: str, state: str, subject: str, details: Details) -> str:
    kind, _, name = subject.partition(":")
    is_firing = state == FIRING
    if event in _WHAT:
        named = f"Account {name}" if kind == "account" else name or "Something"
        if event != AlertEvent.PROVIDER_OUT and kind == "provider":
            named = f"The own key of {name}"
        return _WHAT[AlertEvent(event)][0 if is_firing else 1].format(name=named)
    if event == AlertEvent.BUDGET:
        whose = details.get("label") or name
        if details.get("is_refused"):
            return f"{kind.capitalize()} {whose} has used up its budget: calls are refused"
        return f"{kind.capitalize()} {whose} has spent {details.get('percent')} % of its budget"
    if event == AlertEvent.TOKEN_EXPIRES:
        return f"Token {details.get('label') or name} expires {_in(details)}"
    if event == AlertEvent.DISK:
        return f"The disk is {details.get('percent')} % full" if is_firing else "The disk has room again"
    whose = f" of {subject.replace(':', ' ')}" if subject else ""
    if is_firing:
        return f"{details.get('percent')} % of the calls{whose} fail"
    return f"Calls{whose} succeed again"


def _in(details: Details) -> str:
    seconds = details.get("seconds_left", 0)
    return distance(seconds) if seconds > 0 else "now"


def _text(event: str, state: str, title: str, details: Details) -> str:
    """Return the title as a sentence, and what more is known, in as many sentences."""
    said = [f"{title}."]
    if state == FIRING:
        said += _more(event, details)
    return " ".join(said)


def _more(event: str, details: Details) -> list[str]:
    found = []
    if event == AlertEvent.BUDGET:
        period = details.get("period")
        per = f" per {period}" if period not in (None, "", "never") else ""
        currency = details.get("currency", "")
        found.append(f"{details.get('spent')} of {details.get('budget')} {currency}{per} are spent.")
    if event == AlertEvent.ERROR_RATE:
        found.append(f"{details.get('errors')} of {details.get('calls')} calls in the last five minutes.")
    if event == AlertEvent.DISK:
        found.append(f"{details.get('free_bytes', 0) // 1_000_000:,} MB are free.")
    if details.get("reason"):
        found.append(f"Reason: {str(details['reason']).rstrip('.')}.")
    if details.get("until") and details.get("now"):
        found.append(f"It is out {end_for_people(float(details['until']), float(details['now']))}.")
    return found


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:LONGEST_TITLE]
