"""The vendor's OAuth token endpoint: one question, four kinds of answer."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx
import orjson

from accounts.errors import AccountError
from accounts.sources import Pair

# The public client id of the login that made the pair: a refresh token is bound to it.
CLIENT_ID = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"
SHORTEST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 300.0


class GrantRefused(AccountError):
    """`invalid_grant`: this refresh token is dead for good."""


class TokenEndpointBusy(AccountError):
    """It asked us to wait until `retry_at` (Unix seconds), or refused for a reason that may pass."""

    def __init__(self, message: str, retry_at: float) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class TokenEndpointDown(AccountError):
    """No answer, or the endpoint's own fault."""


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """`proxy`: the account's own way out, for its refreshes too."""

    url: str
    timeout_seconds: float
    proxy: str | None = None

    def refresh(self, pair: Pair) -> Pair:
        """The new pair. An answer without a refresh token leaves the old one in force."""
        form = {"grant_type": "refresh_token", "refresh_token": pair.refresh_token, "client_id": CLIENT_ID}
        try:
            with httpx.Client(timeout=self.timeout_seconds, proxy=self.proxy, trust_env=False) as client:
                answer = client.post(self.url, json=form)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as exc:
            raise TokenEndpointDown(f"token endpoint: {type(exc).__name__}") from exc
        if answer.status_code >= 400:
            _refuse(answer)
        return _pair(answer, pair)


def _refuse(answer: httpx.Response) -> None:
    status = answer.status_code
    if status == 408 or status >= 500:
        raise TokenEndpointDown(f"token endpoint answered {status}")
    if status == 429:
        wait = min(
            LONGEST_WAIT_SECONDS, max(SHORTEST_WAIT_SECONDS, _seconds(answer.headers.get("retry-after")))
        )
        raise TokenEndpointBusy("token endpoint answered 429", time.time() + wait)
    if _error_word(answer) == "invalid_grant":
        raise GrantRefused("token endpoint answered invalid_grant")
    raise TokenEndpointBusy(f"token endpoint answered {status}", time.time() + LONGEST_WAIT_SECONDS)


def _error_word(answer: httpx.Response) -> str:
    """OAuth's own form, or the vendor's envelope around it."""
    try:
        document = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return ""
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        error = error.get("type")
    return error if isinstance(error, str) else ""


def _pair(answer: httpx.Response, earlier: Pair) -> Pair:
    try:
        document = orjson.loads(answer.content)
    except orjson.JSONDecodeError as exc:
        raise TokenEndpointDown("token endpoint answered no JSON") from exc
    access = document.get("access_token") if isinstance(document, dict) else None
    if not isinstance(access, str) or not access:
        raise TokenEndpointDown(f"token endpoint answered {answer.status_code} without a token")
    refresh = document.get("refresh_token")
    life = document.get("expires_in")
    life = float(life) if isinstance(life, int | float) and not isinstance(life, bool) and life > 0 else None
    return Pair(
        access,
        refresh if isinstance(refresh, str) and refresh else earlier.refresh_token,
        None if life is None else time.time() + life,
        life,
    )


def _seconds(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return 0.0
