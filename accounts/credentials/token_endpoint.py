"""Say what a token endpoint is, and ask those that speak OAuth; their answers are of four kinds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import httpx
import orjson

from accounts.credentials.sources import Pair
from accounts.errors import AccountError
from providers.dialects.types import WireAnswer, header
from providers.words import read_bounded

SHORTEST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 300.0
MAX_ANSWER_BYTES = 256 * 1024


class GrantRefused(AccountError):
    """The endpoint answered `invalid_grant`: this refresh token is dead for good."""


class TokenEndpointBusy(AccountError):
    """The endpoint asked us to wait until `retry_at` (Unix seconds), or refused for now."""

    def __init__(self, message: str, retry_at: float) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class TokenEndpointDown(AccountError):
    """The endpoint gave no answer, or failed by its own fault."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How an endpoint is reached. `proxy`: the account's egress proxy, for its refreshes too."""

    timeout_seconds: float
    proxy: str | None = None


class TokenEndpoint(Protocol):
    """Gets a fresh access token for one kind of login: a file each, and a line in `logins.py`.

    What lasts is the pair's `refresh_token`: of OAuth's logins that token, of one that signs or asks by itself (a
    service account's key, a role with its key, a client's secret) that secret. What is made of it is `access_token`.
    """

    vendor: ClassVar[str]
    """The provider kind whose logins these are: what lasts of them goes to nobody else."""

    def lacks(self, pair: Pair) -> str:
        """Say what the pair has not that a refresh needs; "" when a refresh may be tried."""

    def refresh(self, pair: Pair, reach: Reach) -> Pair:
        """Get a new pair. Blocking.

        Raises `GrantRefused` where only a new login helps, `TokenEndpointBusy`, `TokenEndpointDown`.
        """


def ask(url: str, form: Mapping[str, object], earlier: Pair, reach: Reach) -> Pair:
    """Post a form as JSON to an endpoint that answers as OAuth does; an answer without a grant leaves the old one."""
    try:
        with httpx.Client(timeout=reach.timeout_seconds, proxy=reach.proxy, trust_env=False) as client:
            asked = client.build_request("POST", url, json=form)
            answer = read_bounded(client.send(asked, stream=True), MAX_ANSWER_BYTES)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as exc:
        raise TokenEndpointDown(f"token endpoint: {type(exc).__name__}") from exc
    if answer.status >= 400:
        _refuse(answer)
    return _pair(answer, earlier)


def _refuse(answer: WireAnswer) -> None:
    status = answer.status
    if status == 408 or status >= 500:
        raise TokenEndpointDown(f"token endpoint answered {status}")
    if status == 429:
        wait_seconds = min(
            LONGEST_WAIT_SECONDS, max(SHORTEST_WAIT_SECONDS, _seconds(header(answer.headers, b"retry-after")))
        )
        raise TokenEndpointBusy("token endpoint answered 429", time.time() + wait_seconds)
    if _error_word(answer) == "invalid_grant":
        raise GrantRefused("token endpoint answered invalid_grant")
    raise TokenEndpointBusy(f"token endpoint answered {status}", time.time() + LONGEST_WAIT_SECONDS)


def _error_word(answer: WireAnswer) -> str:
    """Return the error's code, from OAuth's own form or the vendor's envelope around it."""
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return ""
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        error = error.get("type")
    return error if isinstance(error, str) else ""


def _pair(answer: WireAnswer, earlier: Pair) -> Pair:
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError as exc:
        raise TokenEndpointDown("token endpoint answered no JSON") from exc
    access = document.get("access_token") if isinstance(document, dict) else None
    if not isinstance(access, str) or not access:
        raise TokenEndpointDown(f"token endpoint answered {answer.status} without a token")
    refresh = document.get("refresh_token")
    life = document.get("expires_in")
    life = float(life) if isinstance(life, int | float) and not isinstance(life, bool) and life > 0 else None
    return Pair(
        access,
        refresh if isinstance(refresh, str) and refresh else earlier.refresh_token,
        None if life is None else time.time() + life,
        life,
    )


def _seconds(text: bytes | None) -> float:
    try:
        return float(text or b"")
    except ValueError:
        return 0.0
