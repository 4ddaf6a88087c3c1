"""Show `/me/`: budget and limits, models, 30 days, errors with what to do, and how clients are set up."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from gateway.access.roles import RANKS, Role, role_of
from gateway.console.pages.base import login_address
from gateway.kernel.moments import distance
from gateway.me import holders, texts
from gateway.me.base import base_of, good_until, problem, shown
from gateway.me.holders import Holder
from gateway.me.testing import RESULT
from gateway.personal import account
from gateway.runtime import from_settings
from tokens.errors import AuthenticationFailed, ExpiredToken, RevokedToken
from tokens.models import Token
from tokens.own import proving
from tokens.people import presenting

PATH = "/me/"
MOST_SIGN_INS = 50
"""The newest ones that are listed."""
PERIODS = {"day": "today", "week": "this week", "month": "this month", "never": "in all"}
NAMES = {
    "max_requests": "requests in all",
    "requests_per_minute": "requests per minute",
    "input_tokens_per_minute": "input tokens per minute",
    "output_tokens_per_minute": "output tokens per minute",
    "max_parallel_requests": "requests at the same time",
}


@require_http_methods(["GET", "HEAD", "POST"])
def me(request: HttpRequest) -> HttpResponseBase:
    """Answer `/me/`: who is nobody yet gets a field for a token."""
    if request.method == "POST":
        return _entered(request)
    role = role_of(request.user)
    if request.user.is_authenticated and role is None:
        return no_role(request)
    holder = holders.of(request)
    if holder is None:
        return _entry(
            request, "The token that was here has ended, or was replaced." * (holders.KEY in request.session)
        )
    token_id = request.GET.get("token", "")
    token = holder.own(token_id)
    if token_id and token is None:
        return problem(request, 404, "There is no such token", "It may have ended, or it is not yours.")
    has_console = role is not None and RANKS[role] >= RANKS[Role.VIEWER]
    return shown(request, "page", {**_context(request, holder, token), "has_console": has_console})


@require_POST
def leave(request: HttpRequest) -> HttpResponseBase:
    """Answer `POST /me/leave`: the browser forgets the pasted token."""
    if not request.user.is_authenticated:
        request.session.flush()
    return redirect(PATH)


def no_role(request: HttpRequest) -> HttpResponse:
    """Answer to staff without a role, who see nothing."""
    return problem(request, 403, "You may not see this page", "Somebody with the role of an admin can help.")


def _entered(request: HttpRequest) -> HttpResponseBase:
    """Take a pasted token; somebody who is logged in has her own page already."""
    if request.user.is_authenticated:
        return redirect(PATH)
    try:
        token = proving.proved(request.POST.get("token", ""))
    except AuthenticationFailed as exc:
        return _entry(request, _why(exc))
    holders.remember(request, token)
    return redirect(PATH)


def _entry(request: HttpRequest, error: str = "") -> HttpResponse:
    """Return the page with a field for a token."""
    return shown(request, "enter", {"error": error, "log_in": f"{login_address(request)}?next={PATH}"})


def _why(exc: AuthenticationFailed) -> str:
    if isinstance(exc, ExpiredToken | RevokedToken):
        return f"{exc.message}. Ask your administrator for a new one."
    return "This is no token of this gateway. Check that all of it was copied."


def _context(request: HttpRequest, holder: Holder, token: Token | None) -> dict[str, object]:
    record = account.record_of(token) if token is not None else holders.person_record(_user(holder))
    sign_ins = [] if holder.user is None else presenting.alive(holder.user)[:MOST_SIGN_INS]
    told = account.of_token(record, from_settings.table(settings.GATEWAY))
    return {
        "told": told,
        "holder": holder,
        "token": token,
        "can_rotate": token is not None and token.sign_in_id is None,
        "budget": told["budget"] and _budget(told["budget"]),
        "limits": [(NAMES[name], value) for name, value in told["limits"].items() if value and name in NAMES],
        "lists": {name: told["limits"][name] for name in account.LISTS},
        "lines": by_use(told),
        "ends": None if token is None else good_until(token),
        "tokens": holder.tokens if holder.user is not None else (),
        "sign_ins": sign_ins,
        "result": request.session.get(RESULT),
        "clients": texts.clients(base_of(request), told["models"]),
        "base": base_of(request),
        "can_test": bool(record.id)
        or (bool(sign_ins) and proving.token_of_sign_ins(_user(holder)) is not None),
    }


def by_use(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Add up the days of each model, what cost most first; one line per currency."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in told["days"]:
        line = found.setdefault(
            (row["model"], row["currency"]),
            {"model": row["model"], "currency": row["currency"], "requests": 0, "input": 0, "output": 0,
             "cost": Decimal(0), "days": set()},
        )  # fmt: skip
        line["requests"] += row["requests"]
        line["input"] += row["input_tokens"]
        line["output"] += row["output_tokens"]
        line["cost"] += Decimal(row["cost"])
        line["days"].add(row["day"])
    lines = sorted(found.values(), key=lambda line: (line["cost"], line["requests"]), reverse=True)
    return [{**line, "cost": f"{line['cost']:f}", "days": len(line["days"])} for line in lines]


def _budget(told: dict[str, Any]) -> dict[str, Any]:
    """Return a budget with what a page needs beside it: which share is gone, and the reset in words."""
    limit, left = Decimal(told["limit"]), Decimal(told["remaining"])
    gone = 100 if not limit else max(0, min(100, int((limit - left) / limit * 100)))
    resets = ""
    if told["resets_at"] is not None:
        at = datetime.fromisoformat(told["resets_at"])
        resets = f"{at:%d %b %H:%M} UTC ({distance(at.timestamp() - datetime.now(UTC).timestamp())})"
    return {**told, "gone": gone, "resets": resets, "when": PERIODS[told["period"]]}


def _user(holder: Holder) -> Any:
    assert holder.user is not None
    return holder.user
