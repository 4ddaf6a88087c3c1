"""The one error tree: what each app raises, the HTTP status it becomes, and the words a caller hears.

    tokens.errors     AuthenticationFailed ─ MissingToken BadPrefix InvalidToken ExpiredToken UnrecordedToken   401
                      EndedSignIn                                                                               401
                      RevokedToken                                                                              403
                      StoreUnavailable                                                                          503
                      TokenNotFound GroupNotFound, of tokens.policies: PolicyNotFound                           404
                      TokenConflict GroupInUse                                                                  409
    tokens.people     PersonNotFound · PersonExists LastAdmin                                             404 · 409
                      BadTokenField                                                                             400
                      BodyTooLarge                                                                              413
                      WrongMediaType                                                                            415
                      LimitExceeded CapUnreadable                                                               429
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
                      BadParameter BadAlert BadRehearsal                                                        400
                      AlertNotFound RehearsalNotFound · ChannelExists                                     404 · 409
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
from gateway.alerts import errors as alerts
from gateway.exchange.downstream import Interruption, Request
from gateway.exchange.surfaces import WrongMethod
from gateway.exchange.upgrades import NOT_SERVED, UPGRADE, UPGRADE_REQUIRED, asks_for_websocket
from gateway.kernel.asking import BadParameter
from gateway.kernel.redaction import redact
from gateway.rehearsals import errors as rehearsals
from gateway.usage.prices import errors as prices
from providers import errors as providers
from providers.dialects.mending import UNWRITABLE, is_unwritable
from providers.dialects.table import DIALECTS, JSON
from providers.dialects.types import Failure, FailureKind, Headers, Refused, Truncated, WireAnswer
from providers.words import clean_failure
from tokens import errors as tokens
from tokens.people import errors as people
from tokens.policies.errors import PolicyNotFound

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
    Interruption.BUDGET: (
        429,
        Failure(FailureKind.RATE_LIMIT, "The budget of this token is used up: the answer ends here"),
    ),
}


def _kind(kind: FailureKind) -> Callable[[Exception], Failure]:
    return lambda exc: Failure(kind, str(exc))


def _revoked(exc: Exception) -> Failure:
    """Return a 403 with the type of a 401, as the reference has it."""
    return Failure(FailureKind.PERMISSION, str(exc), type="authentication_error")


def _ended(exc: Exception) -> Failure:
    """Return a 401 that Claude Code does not ask again about: it says that one has to sign in."""
    return Failure(FailureKind.AUTHENTICATION, str(exc), should_retry=False)


def _field(exc: Exception) -> Failure:
    return Failure(FailureKind.INVALID_REQUEST, str(exc), param=getattr(exc, "param", None) or None)


def _unknown_model(exc: Exception) -> Failure:
    return Failure(FailureKind.NOT_FOUND, str(exc), param="model", code="model_not_found")


WHAT_TO_DO = (
    "Upstream authentication unavailable: no account is there for this call. "
    "The operator adds one with `router accounts add`, or sets ANTHROPIC_API_KEY"
)


ALL_BUSY = "All accounts are busy"


def _exhausted(exc: Exception) -> Failure:
    if isinstance(exc, accounts.PoolExhausted) and exc.reason is accounts.Exhaustion.NO_ACCOUNT:
        return Failure(FailureKind.UPSTREAM, WHAT_TO_DO)
    if not isinstance(exc, accounts.PoolExhausted) or exc.until is None:
        return Failure(FailureKind.UPSTREAM, "Upstream authentication unavailable")
    if exc.is_unknown_model:
        return _unknown_model(exc)
    kind = FailureKind.UNAVAILABLE if exc.is_upstream_down else FailureKind.RATE_LIMIT
    return Failure(kind, f"{ALL_BUSY}: {exc}", retry_after_seconds=max(1.0, exc.until - time.time()))


def _limit(exc: Exception) -> Failure:
    """Return `billing_error` for a spent budget, as Claude Code expects it, and a rate limit for all others."""
    if not isinstance(exc, tokens.LimitExceeded):
        return _own(exc)
    kind = FailureKind.BILLING if exc.limit == "budget" else FailureKind.RATE_LIMIT
    may_retry = kind is FailureKind.RATE_LIMIT and not exc.is_final
    return Failure(
        kind, exc.message, retry_after_seconds=exc.retry_after_seconds, should_retry=may_retry, param=None
    )


def _unreadable(exc: Exception) -> Failure:
    words = "What you have spent can't be counted at the moment, so this call is refused; try again later"
    return Failure(FailureKind.BILLING, words, should_retry=False)


def _soon(exc: Exception) -> Failure:
    return Failure(FailureKind.UNAVAILABLE, str(exc), retry_after_seconds=1.0, should_retry=True)


def _database(exc: Exception) -> Failure:
    logger.error("The database does not answer: %s", exc)
    words = "The database does not answer; please try again"
    return Failure(FailureKind.UNAVAILABLE, words, retry_after_seconds=1.0)


def _unwritable(exc: Exception) -> Failure:
    if is_unwritable(exc):
        return Failure(FailureKind.UPSTREAM, "Upstream sent something that can't be translated")
    logger.exception("Unexpected error", exc_info=exc)
    return Failure(FailureKind.INTERNAL, "Internal error")


def _own(exc: Exception) -> Failure:
    failure = getattr(exc, "failure", None)
    return failure if isinstance(failure, Failure) else Failure(FailureKind.INTERNAL, "Internal error")


DATABASE_AWAY = (OperationalError, InterfaceError)
Classes = type[Exception] | tuple[type[Exception], ...]
TREE: tuple[tuple[Classes, Callable[[Exception], Failure]], ...] = (
    (tokens.EndedSignIn, _ended),
    (tokens.RevokedToken, _revoked),
    (tokens.AuthenticationFailed, _kind(FailureKind.AUTHENTICATION)),
    (tokens.StoreUnavailable, _kind(FailureKind.UNAVAILABLE)),
    (tokens.TokenNotFound, _kind(FailureKind.NOT_FOUND)),
    ((tokens.GroupNotFound, people.PersonNotFound, PolicyNotFound), _kind(FailureKind.NOT_FOUND)),
    ((people.PersonExists, people.LastAdmin), _kind(FailureKind.CONFLICT)),
    (tokens.TokenConflict, _kind(FailureKind.CONFLICT)),
    (tokens.GroupInUse, _kind(FailureKind.CONFLICT)),
    (tokens.WrongMediaType, _kind(FailureKind.MEDIA_TYPE)),
    (tokens.BadTokenField, _field),
    (tokens.LimitExceeded, _limit),
    (tokens.BalancesUnknown, _soon),
    (tokens.CapUnreadable, _unreadable),
    (tokens.LedgerUnavailable, _soon),
    (prices.PriceNotFound, _kind(FailureKind.NOT_FOUND)),
    (prices.BadPrice, _field),
    ((BadParameter, alerts.BadAlert, rehearsals.BadRehearsal), _field),
    ((alerts.AlertNotFound, rehearsals.RehearsalNotFound), _kind(FailureKind.NOT_FOUND)),
    (alerts.ChannelExists, _kind(FailureKind.CONFLICT)),
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
    (
        httpx.TransportError,
        lambda exc: Failure(FailureKind.UPSTREAM, redact.words(f"Upstream request failed: {exc}")),
    ),
    (UNWRITABLE, _unwritable),
    (Truncated, lambda exc: Failure(FailureKind.UPSTREAM, "Upstream closed the stream before its end")),
)
"""The first class that fits decides."""


STATUS_OF: dict[object, int] = {tokens.LimitExceeded: 429, tokens.CapUnreadable: 429}
"""Where the failure's kind has another status: a spend limit is a 429 to clients, so that they show its text."""


def describe(exc: Exception, told: Failure | None = None) -> tuple[int, Failure]:
    """Return status and words for what was raised. `told`: by an upstream before it broke off.

    What is not in the tree is a defect: logged, told as 500.
    """
    for kind, words in TREE:
        if isinstance(exc, kind):
            failure = words(exc) if told is None else clean_failure(told)
            return STATUS_OF.get(kind) or status_of(failure), failure
    own = getattr(exc, "failure", None)
    if isinstance(own, Failure):
        return status_of(own), own
    logger.exception("Unexpected error", exc_info=exc)
    return 500, Failure(FailureKind.INTERNAL, "Internal error")


def refusal(wrong: WrongMethod, request: Request) -> tuple[int, Failure, Headers]:
    """Return status, words and headers for a method that a path does not have; an upgrade is told to stay with HTTP."""
    allow = (b"allow", ",".join(wrong.allowed).encode())
    if asks_for_websocket(request):
        return UPGRADE_REQUIRED, NOT_SERVED, (allow, *UPGRADE)
    return (*describe(wrong), (allow,))


def status_of(failure: Failure) -> int:
    return STATUSES[failure.kind]


def render(status: int, failure: Failure, dialect: str, request_id: str | None) -> WireAnswer:
    """Render a whole answer in the caller's dialect.

    Its id is ours, since the answer is; None = outside an exchange.
    """
    described = DIALECTS[dialect]
    status = described.statuses.get(status, status)
    headers = JSON if described.error_headers is None else (*JSON, *described.error_headers(failure))
    if request_id is not None:
        headers = (*headers, (described.request_id, request_id.encode()))
    if failure.retry_after_seconds is not None:
        seconds = max(1, math.ceil(failure.retry_after_seconds))
        headers = (*headers, (b"retry-after", str(seconds).encode()))
    if failure.should_retry is not None:
        headers = (*headers, (b"x-should-retry", b"true" if failure.should_retry else b"false"))
    return WireAnswer(status, headers, described.error_body(failure, request_id))


def failure_in(head: WireAnswer, dialect: str) -> Failure:
    """Return what a whole answer says went wrong."""
    return DIALECTS[dialect].read_error(head.status, head.headers, head.body)
