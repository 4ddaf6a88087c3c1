"""Read the forms of OAuth clients, and answer them: JSON that nobody keeps, errors as RFC 6749 (5.2) has them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from urllib.parse import parse_qsl

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from gateway.relay.errors import DATABASE_AWAY
from gateway.signin.base import served
from gateway.signin.turns import TURNS, Busy
from gateway.tries.counting import TooMany
from tokens.signin.errors import GrantRefused, IssuerAway, PolledTooSoon

logger = logging.getLogger(__name__)

FORM = "application/x-www-form-urlencoded"
LONGEST_BODY = 65_536
MOST_FIELDS = 100
RETRY_SECONDS = 5
STATUSES = {"invalid_grant": 401}
"""Everything else that a client asks wrongly is a 400. This one makes Claude Code ask for a new login."""

Fields = dict[str, str]


class BadForm(Exception):
    """The form can't be read, or lacks something."""


def answer(status: int, body: dict[str, object], wait_seconds: int | None = None) -> JsonResponse:
    """Return JSON that nobody may keep."""
    response = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    response._has_been_logged = True  # type: ignore[attr-defined]  # a client that waits asks every few seconds
    response["Cache-Control"] = "no-store"
    response["Pragma"] = "no-cache"
    if wait_seconds is not None:
        response["Retry-After"] = str(wait_seconds)
    return response


def refusal(status: int, error: str, text: str, wait_seconds: int | None = None) -> JsonResponse:
    """Return an error in OAuth's form."""
    return answer(status, {"error": error, "error_description": text}, wait_seconds)


def fields_of(request: HttpRequest) -> Fields:
    """Return the fields of a form; fields that we do not know are nobody's mistake. Raises `BadForm`."""
    try:
        body = request.body
    except (RequestDataTooBig, UnreadablePostError) as exc:
        raise BadForm("the form can't be read") from exc
    if len(body) > LONGEST_BODY:
        raise BadForm(f"the form is longer than {LONGEST_BODY} bytes")
    if body and request.content_type != FORM:
        raise BadForm(f"Content-Type must be {FORM}")
    try:
        pairs = parse_qsl(body.decode("utf-8"), True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as exc:
        raise BadForm("the form is no UTF-8, or has too many fields") from exc
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadForm("a field stands there twice")
    return found


def fields_if_any(request: HttpRequest) -> Fields:
    """Return the fields of a form; none where it can't be read."""
    try:
        return fields_of(request)
    except BadForm:
        return {}


def required(fields: Fields, name: str) -> str:
    """Return a field that must be there. Raises `BadForm`."""
    if not fields.get(name):
        raise BadForm(f"{name} is missing")
    return fields[name]


def oauth(view: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Wrap a view for OAuth clients: POST alone, no cookie asked for, every failure in their form."""

    @wraps(view)
    def told(request: HttpRequest) -> HttpResponseBase:
        if request.method != "POST":
            response = refusal(405, "invalid_request", "POST a form")
            response["Allow"] = "POST"
            return response
        try:
            with TURNS.taken():
                return view(request)
        except BadForm as exc:
            return refusal(400, "invalid_request", str(exc))
        except GrantRefused as exc:
            return refusal(STATUSES.get(exc.error, 400), exc.error, exc.message)
        except PolledTooSoon as exc:
            return refusal(429, "slow_down", exc.message, exc.interval)
        except TooMany as exc:
            return refusal(429, "slow_down", str(exc), exc.wait_seconds)
        except Busy:
            return refusal(
                503, "temporarily_unavailable", "too many sign in at once; try again", RETRY_SECONDS
            )
        except IssuerAway as exc:
            logger.warning("%s", exc.message)
            return refusal(
                503, "temporarily_unavailable", "the issuer does not answer; try again", RETRY_SECONDS
            )
        except DATABASE_AWAY as exc:
            logger.error("The database does not answer: %s", exc)
            return refusal(
                503, "temporarily_unavailable", "the database does not answer; try again", RETRY_SECONDS
            )

    return csrf_exempt(served(told))
