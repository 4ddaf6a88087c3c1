"""Errors of `accounts`. No HTTP statuses: `gateway/relay/errors.py` maps classes to them."""

from __future__ import annotations

from enum import StrEnum


class AccountError(Exception):
    """The root of this app's errors."""


class UnknownAccount(AccountError):
    """No account has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no account named {name!r}")
        self.name = name


class AccountExists(AccountError):
    """The name is taken."""

    def __init__(self, name: str) -> None:
        super().__init__(f"an account named {name!r} exists already")
        self.name = name


class BadAccount(AccountError):
    """A field of an account is wrong. `field` names it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class ManagedAccount(AccountError):
    """The account comes from the environment, so that is where it must be changed."""


class CredentialUnavailable(AccountError):
    """An account has no usable secret. The text may hold a path: for the operator, not for clients."""


class MalformedCredential(AccountError):
    """A credential file is not what it should be."""


class RefreshFailed(AccountError):
    """The token endpoint gave no new pair. `retry_at` (Unix seconds) is None when only a login helps."""

    def __init__(self, message: str, retry_at: float | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class Exhaustion(StrEnum):
    """Reason why no account could be chosen, of those the one that ends soonest."""

    NO_ACCOUNT = "no_account"  # none is configured for this provider
    UNUSABLE = "unusable"  # paused, logged out, without a credential
    COOLING = "cooling"
    UNKNOWN_MODEL = "unknown_model"  # the upstream said so of every account
    CAPPED = "capped"  # the operator's own caps
    TRIED = "tried"  # each one that was usable has been tried for this request
    UPSTREAM_DOWN = "upstream_down"


class PoolExhausted(AccountError):
    """No account can serve this call now. `until`: Unix seconds of the soonest end, None if unknown."""

    def __init__(self, until: float | None, reason: Exhaustion, message: str, now: float = 0.0) -> None:
        super().__init__(message)
        self.until = until
        self.reason = reason
        self.retry_after_seconds = None if until is None else max(1.0, until - now)

    @property
    def is_unknown_model(self) -> bool:
        return self.reason is Exhaustion.UNKNOWN_MODEL

    @property
    def is_upstream_down(self) -> bool:
        return self.reason is Exhaustion.UPSTREAM_DOWN
