"""Errors of `tokens`. No HTTP statuses: `gateway/relay/errors.py` gives them. Clients may see every text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokens.records import Limits


class TokenError(Exception):
    """The root of this app's errors."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class AuthenticationFailed(TokenError):
    """The presented secret is refused."""


class MissingToken(AuthenticationFailed):
    """Neither header carried a secret."""

    def __init__(self) -> None:
        super().__init__("Missing Authorization Bearer token or x-api-key")


class BadPrefix(AuthenticationFailed):
    """The secret does not begin as ours do."""

    def __init__(self) -> None:
        super().__init__("Token must start with 'la_sk_' prefix")


class InvalidToken(AuthenticationFailed):
    """The secret is malformed, forged, or has claims we don't take. `detail` never repeats the token."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"Invalid token: {detail}")
        self.detail = detail


class ExpiredToken(AuthenticationFailed):
    """The token has ended: `exp` has come, or its life was cut short."""

    def __init__(self) -> None:
        super().__init__("Token has expired")


class RevokedToken(AuthenticationFailed):
    """The row says revoked. The reference answers 403 to this, and 401 to the other refusals."""

    def __init__(self) -> None:
        super().__init__("Token has been revoked")


class EndedSignIn(AuthenticationFailed):
    """The bearer of a sign-in that has ended: revoked, expired, or its person may not come in any more."""

    def __init__(self) -> None:
        super().__init__("This sign-in has ended; sign in again with /login")


class UnrecordedToken(AuthenticationFailed):
    """The signature is good, but there is no row: the store was wiped, or the token was made elsewhere."""

    def __init__(self) -> None:
        super().__init__("Token has no stored record here; ask for a new one")


class UnknownToken(AuthenticationFailed):
    """Memory doesn't know `sub`. Internal: the relay awaits `Registry.lookup(sub)` and asks once more."""

    def __init__(self, sub: str) -> None:
        super().__init__("Token has no stored record here; ask for a new one")
        self.sub = sub


class StoreUnavailable(TokenError):
    """The database could not be asked about a token that memory doesn't know. Temporary."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"Token storage error: {detail}")


class TokenNotFound(TokenError):
    """There is no token row with this id."""

    def __init__(self, token_id: str) -> None:
        super().__init__("No token with this id")
        self.token_id = token_id


class GroupNotFound(TokenError):
    """There is no group with this name."""

    def __init__(self, name: str) -> None:
        super().__init__("No group with this name")
        self.name = name


class GroupInUse(TokenError):
    """The group still has tokens or sub-groups; deleting it would lift their limits."""

    def __init__(self, name: str) -> None:
        super().__init__("The group still has tokens or sub-groups; move them first")
        self.name = name


class BadTokenField(TokenError):
    """A field that can't be taken as given. `param` is its name, "" for the body as a whole."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param}: {message}" if param else message)
        self.param = param


class WrongMediaType(TokenError):
    """A management request whose body does not say that it is JSON."""

    def __init__(self) -> None:
        super().__init__("Expected request with `Content-Type: application/json`")


class BodyTooLarge(TokenError):
    """A management request over the limit."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The request body is larger than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes


class TokenConflict(TokenError):
    """The row can't make this change any more: it is revoked, already rotated, or changed meanwhile."""


class LimitExceeded(TokenError):
    """A limit has no room for the call.

    `limit` is the field's name, `name` the group's ("" = the token's own). `retry_after_seconds` None =
    waiting does not help; `is_final` = neither does asking again.
    """

    def __init__(
        self,
        limit: str,
        limits: Limits,
        retry_after_seconds: float | None,
        *,
        is_final: bool = False,
        resets_at: float | None = None,
    ) -> None:
        super().__init__(_told(limit, limits, is_final=is_final, resets_at=resets_at))
        self.limit = limit
        self.ledger = limits.ledger
        self.name = limits.name
        self.retry_after_seconds = retry_after_seconds
        self.is_final = is_final
        self.resets_at = resets_at
        self.states: tuple[object, ...] = ()  # the books as they stood: `tokens.limits.ledger.State`


class BalancesUnknown(TokenError):
    """The use of these sets of limits so far is not known yet; it is being read."""

    def __init__(self, sets: tuple[Limits, ...] = ()) -> None:
        super().__init__("The limits of this token are being read; try again")
        self.sets = sets


class LedgerUnavailable(TokenError):
    """The store that counts limits is away, and calls that it would have to count are refused."""

    def __init__(self) -> None:
        super().__init__("Limits can't be counted at the moment; try again")


class CapUnreadable(LedgerUnavailable):
    """What a person has spent can't be counted, and her call is refused: Claude Code is not to ask again."""


_PER_MINUTE = {
    "requests_per_minute": "requests per minute",
    "input_tokens_per_minute": "input tokens per minute",
    "output_tokens_per_minute": "output tokens per minute",
    "max_parallel_requests": "parallel requests",
}


def _told(limit: str, limits: Limits, *, is_final: bool, resets_at: float | None) -> str:
    who = f"Group {limits.name}" if limits.name else "Token"
    if limit == "max_requests":
        return f"{who} has reached its request limit"
    if limit == "budget":
        period = "" if limits.budget_period in ("", "never") else f" per {limits.budget_period}"
        amount = f"{limits.budget.normalize():f} {limits.budget_currency or 'USD'}" if limits.budget else ""
        ends = (
            ""
            if resets_at is None
            else f"; it resets at {datetime.fromtimestamp(resets_at, UTC):%Y-%m-%dT%H:%M:%SZ}"
        )
        return f"{who} has no room for this call in its budget of {amount}{period}{ends}"
    words = f"{getattr(limits, limit)} {_PER_MINUTE[limit]}"
    if is_final:
        return f"This call alone needs more than {'the token' if not limits.name else who}'s limit of {words}"
    return f"{who} has reached its limit of {words}"
