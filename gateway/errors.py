"""The one error tree: what each app raises, the HTTP status it becomes, and the words a caller hears.

    tokens.errors     AuthenticationFailed ─ MissingToken BadPrefix InvalidToken ExpiredToken UnrecordedToken   401
                      RevokedToken                                                                              403
                      StoreUnavailable                                                                          503
                      TokenNotFound GroupNotFound                                                               404
                      TokenConflict GroupInUse                                                                  409
                      BadTokenField                                                                             400
                      BodyTooLarge                                                                              413
                      WrongMediaType                                                                            415
                      LimitExceeded                                                                             429
                      BalancesUnknown LedgerUnavailable                                                         503
    accounts.errors   PoolExhausted               429, 503 when the upstream is down, 404 for an unknown model, 502
                      UnknownAccount                                                                            404
                      AccountExists ManagedAccount                                                              409
                      BadAccount                                                                                400
                      RefreshFailed CredentialUnavailable                                                       502
    providers.errors  NoRoute UnknownModel UnknownProvider UnknownRoute                                         404
                      BadProvider BadImport BadRoute                                                            400
    providers         Refused                                                          by its failure's kind
    gateway           UpstreamFailed WrongMethod                                                     502 504 · 405
                      PriceNotFound BadPrice                                                              404 · 400
                      NotHere, and Redis or the database away where only they have the answer                   503

Only this module knows HTTP statuses. Dialects render the words.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

import httpx
from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

from accounts import errors as accounts
from gateway.surfaces import WrongMethod
from gateway.usage.prices import errors as prices
from gateway.wire import Interruption
from providers import errors as providers
from providers.dialects.table import DIALECTS, JSON
from providers.dialects.types import Failure, FailureKind, Refused, Truncated, WireAnswer
from tokens import errors as tokens

logger = logging.getLogger(__name__)

STATUSES: dict[FailureKind, int] = {
    FailureKind.INVALID_REQUEST: 400,
    FailureKind.AUTHENTICATION: 401,
    FailureKind.BILLING: 402,
    FailureKind.PERMISSION: 403,
    FailureKind.NOT_FOUND: 404,
    FailureKind.METHOD_NOT_ALLOWED: 405,
    FailureKind.MEDIA_TYPE: 415,
    FailureKind.CONFLICT: 409,
    FailureKind.TOO_LARGE: 413,
    FailureKind.RATE_LIMIT: 429,
    FailureKind.INTERNAL: 500,
    FailureKind.UPSTREAM: 502,
    FailureKind.UNAVAILABLE: 503,
    FailureKind.OVERLOADED: 529,
    FailureKind.TIMEOUT: 504,
}

INTERRUPTIONS: dict[Interruption, tuple[int, Failure]] = {
    Interruption.FIRST_BYTE: (504, Failure(FailureKind.TIMEOUT, "Upstream did not begin to answer in time")),
    Interruption.IDLE: (
        504,
        Failure(FailureKind.TIMEOUT, "Upstream fell silent before its answer was complete"),
    ),
    Interruption.DRAIN: (
        503,
        Failure(FailureKind.UNAVAILABLE, "The gateway is restarting; please try again"),
    ),
}


def _kind(kind: FailureKind) -> Callable[[Exception], Failure]:
    return lambda exc: Failure(kind, str(exc))


def _revoked(exc: Exception) -> Failure:
    """403 with the type of a 401, as the reference has it."""
    return Failure(FailureKind.PERMISSION, str(exc), type="authentication_error")


def _field(exc: Exception) -> Failure:
    return Failure(FailureKind.INVALID_REQUEST, str(exc), param=getattr(exc, "param", None) or None)


def _unknown_model(exc: Exception) -> Failure:
    return Failure(FailureKind.NOT_FOUND, str(exc), param="model", code="model_not_found")


def _exhausted(exc: Exception) -> Failure:
    if not isinstance(exc, accounts.PoolExhausted) or exc.until is None:
        return Failure(FailureKind.UPSTREAM, "Upstream authentication unavailable")
    if exc.is_unknown_model:
        return _unknown_model(exc)
    kind = FailureKind.UNAVAILABLE if exc.is_upstream_down else FailureKind.RATE_LIMIT
    return Failure(
        kind, f"All accounts are busy: {exc}", retry_after_seconds=max(1.0, exc.until - time.time())
    )


def _limit(exc: Exception) -> Failure:
    """A budget is spent with `billing_error`, as Claude Code expects it; everything else is a rate limit."""
    if not isinstance(exc, tokens.LimitExceeded):
        return _own(exc)
    kind = FailureKind.BILLING if exc.limit == "budget" else FailureKind.RATE_LIMIT
    may_retry = kind is FailureKind.RATE_LIMIT and not exc.is_final
    return Failure(
        kind, exc.message, retry_after_seconds=exc.retry_after_seconds, should_retry=may_retry, param=None
    )


def _soon(exc: Exception) -> Failure:
    return Failure(FailureKind.UNAVAILABLE, str(exc), retry_after_seconds=1.0, should_retry=True)


def _database(exc: Exception) -> Failure:
    logger.error("The database does not answer: %s", exc)
    words = "The database does not answer; please try again"
    return Failure(FailureKind.UNAVAILABLE, words, retry_after_seconds=1.0)


def _own(exc: Exception) -> Failure:
    failure = getattr(exc, "failure", None)
    return failure if isinstance(failure, Failure) else Failure(FailureKind.INTERNAL, "Internal error")


DATABASE_AWAY = (OperationalError, InterfaceError)
Classes = type[Exception] | tuple[type[Exception], ...]
TREE: tuple[tuple[Classes, Callable[[Exception], Failure]], ...] = (
    (tokens.RevokedToken, _revoked),
    (tokens.AuthenticationFailed, _kind(FailureKind.AUTHENTICATION)),
    (tokens.StoreUnavailable, _kind(FailureKind.UNAVAILABLE)),
    (tokens.TokenNotFound, _kind(FailureKind.NOT_FOUND)),
    (tokens.GroupNotFound, _kind(FailureKind.NOT_FOUND)),
    (tokens.TokenConflict, _kind(FailureKind.CONFLICT)),
    (tokens.GroupInUse, _kind(FailureKind.CONFLICT)),
    (tokens.WrongMediaType, _kind(FailureKind.MEDIA_TYPE)),
    (tokens.BadTokenField, _field),
    (tokens.LimitExceeded, _limit),
    (tokens.BalancesUnknown, _soon),
    (tokens.LedgerUnavailable, _soon),
    (prices.PriceNotFound, _kind(FailureKind.NOT_FOUND)),
    (prices.BadPrice, _field),
    (tokens.BodyTooLarge, _kind(FailureKind.TOO_LARGE)),
    (accounts.PoolExhausted, _exhausted),
    (accounts.UnknownAccount, _kind(FailureKind.NOT_FOUND)),
    (accounts.AccountExists, _kind(FailureKind.CONFLICT)),
    (accounts.ManagedAccount, _kind(FailureKind.CONFLICT)),
    (
        accounts.BadAccount,
        lambda exc: Failure(FailureKind.INVALID_REQUEST, str(exc), param=getattr(exc, "field", None)),
    ),
    (accounts.RefreshFailed, _kind(FailureKind.UPSTREAM)),
    (accounts.CredentialUnavailable, _kind(FailureKind.UPSTREAM)),
    (providers.UnknownModel, _unknown_model),
    (providers.NoRoute, _kind(FailureKind.NOT_FOUND)),
    (providers.UnknownProvider, _kind(FailureKind.NOT_FOUND)),
    (providers.UnknownRoute, _kind(FailureKind.NOT_FOUND)),
    (providers.BadImport, _kind(FailureKind.INVALID_REQUEST)),
    (
        (providers.BadProvider, providers.BadRoute),
        lambda exc: Failure(FailureKind.INVALID_REQUEST, str(exc), param=getattr(exc, "field", None)),
    ),
    (Refused, _own),
    (
        RedisError,
        lambda exc: Failure(
            FailureKind.UNAVAILABLE, "The shared store is away; please try again", retry_after_seconds=1.0
        ),
    ),
    (DATABASE_AWAY, _database),
    (WrongMethod, lambda exc: Failure(FailureKind.METHOD_NOT_ALLOWED, f"Method not allowed; allowed: {exc}")),
    (httpx.TransportError, lambda exc: Failure(FailureKind.UPSTREAM, f"Upstream request failed: {exc}")),
    (Truncated, lambda exc: Failure(FailureKind.UPSTREAM, "Upstream closed the stream before its end")),
)
"""The first class that fits decides."""


STATUS_OF: dict[object, int] = {tokens.LimitExceeded: 429}
"""Where the failure's kind has another status: a spend limit is a 429 to clients, so that they show its text."""


def describe(exc: Exception) -> tuple[int, Failure]:
    """The status and the words for what was raised. What is not in the tree is a defect: logged, told as 500."""
    for kind, words in TREE:
        if isinstance(exc, kind):
            failure = words(exc)
            return STATUS_OF.get(kind) or status_of(failure), failure
    own = getattr(exc, "failure", None)
    if isinstance(own, Failure):
        return status_of(own), own
    logger.exception("Unexpected error", exc_info=exc)
    return 500, Failure(FailureKind.INTERNAL, "Internal error")


def status_of(failure: Failure) -> int:
    return STATUSES[failure.kind]


def render(status: int, failure: Failure, dialect: str, request_id: str | None) -> WireAnswer:
    """A whole answer in the caller's dialect. `request-id` is ours, since the answer is; None = outside an exchange."""
    language = DIALECTS[dialect]
    headers = JSON if language.error_headers is None else (*JSON, *language.error_headers(failure))
    if request_id is not None:
        headers = (*headers, (b"request-id", request_id.encode()))
    if failure.retry_after_seconds is not None:
        seconds = max(1, math.ceil(failure.retry_after_seconds))
        headers = (*headers, (b"retry-after", str(seconds).encode()))
    if failure.should_retry is not None:
        headers = (*headers, (b"x-should-retry", b"true" if failure.should_retry else b"false"))
    return WireAnswer(status, headers, language.error_body(failure, request_id))
