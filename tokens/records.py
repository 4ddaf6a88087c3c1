"""Records of token rows in memory: immutable, complete for the relay, without any secret."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fnmatch import fnmatchcase

import msgspec

from tokens.models import CHARGE, Group, Limited, Token

DEFAULT_CURRENCY = "USD"
LEVELS = (50, 80, 95, 100)
"""Percent of a budget: an operator is told when so much of it is spent."""


class Needs(msgspec.Struct, frozen=True):
    """Figures of a call that the limits of its token ask for."""

    has_input: bool
    has_output: bool
    currencies: frozenset[str]  # of its budgets
    has_money: bool
    is_any: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """One set of limits and the ledger it is counted in. None and () mean: no such limit."""

    ledger: str  # `ledger_id` of a token, or `group:<id>`
    name: str = ""  # the group's, "" for a token's own
    max_requests: int | None = None
    requests_per_minute: int | None = None
    input_tokens_per_minute: int | None = None
    output_tokens_per_minute: int | None = None
    max_parallel_requests: int | None = None
    budget: Decimal | None = None
    budget_currency: str = ""
    budget_period: str = ""
    budget_soft_percent: int | None = None
    allowed_models: tuple[str, ...] = ()
    allowed_surfaces: tuple[str, ...] = ()
    alert_from: Decimal | None = field(
        init=False, repr=False, compare=False
    )  # spent, before which nobody is told
    has_minutes: bool = field(init=False, repr=False, compare=False)  # a limit per minute is among them

    def __post_init__(self) -> None:
        first = None if not self.budget else self.budget * LEVELS[0] / 100
        object.__setattr__(self, "alert_from", first)
        minutes = self.requests_per_minute, self.input_tokens_per_minute, self.output_tokens_per_minute
        object.__setattr__(self, "has_minutes", minutes != (None, None, None))

    @property
    def counts_something(self) -> bool:
        """Tell whether a ledger has to be asked for these limits."""
        counted = (
            *(self.max_requests, self.requests_per_minute, self.input_tokens_per_minute),
            *(self.output_tokens_per_minute, self.max_parallel_requests, self.budget),
        )
        return any(limit is not None for limit in counted)

    @property
    def is_told(self) -> bool:
        """Tell whether answers say in headers what is left of these limits."""
        told = (self.requests_per_minute, self.input_tokens_per_minute, self.output_tokens_per_minute)
        return any(limit is not None for limit in (*told, self.budget_soft_percent))


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """Token as the relay sees it. Times are Unix seconds."""

    id: str
    label: str
    issued_at: int
    expires_at: int
    ends_early_at: int | None  # set when the row ends the token before its signature does
    is_revoked: bool
    account: str | None
    provider: str | None
    group: str | None
    ledger_id: str
    own: Limits
    shared: tuple[Limits, ...] = ()  # the group's, then its parent's
    group_id: int | None = None
    revision: int = 0
    is_recorded: bool = True
    payment: str = CHARGE
    person: str = ""  # the e-mail of who answers for it, or has signed in
    is_sign_in: bool = False  # its own limits and its ledger are its person's
    logs_requests: bool = False  # the request log keeps its calls
    person_id: int | None = None  # the user's key: who signed in, or who answers for it
    limits: tuple[Limits, ...] = field(init=False)  # every set that holds for this token; the tightest wins
    is_limited: bool = field(init=False)  # some limit of `limits` counts something
    is_model_restricted: bool = field(init=False)  # some set names models: the call's model must be known
    is_surface_restricted: bool = field(init=False)
    counted: tuple[Limits, ...] = field(init=False)  # the sets that a ledger is asked for
    needs: Needs = field(init=False)
    is_told: bool = field(init=False)  # answers say how its limits stand

    def __post_init__(self) -> None:
        """Work out once what is asked for every call."""
        limits = (self.own, *self.shared)
        put = object.__setattr__
        put(self, "limits", limits)
        put(self, "counted", tuple([each for each in limits if each.counts_something]))
        put(self, "is_limited", bool(self.counted))
        put(self, "needs", _needs(self.counted))
        put(self, "is_told", self.is_sign_in or any(each.is_told for each in self.counted))
        put(self, "is_model_restricted", any(each.allowed_models for each in limits))
        put(self, "is_surface_restricted", any(each.allowed_surfaces for each in limits))

    def may_use_model(self, model: str) -> bool:
        """Tell whether every set of limits allows this model name.

        `*`, `?` and `[…]` as in shell patterns.
        """
        return all(_matches(limits.allowed_models, model) for limits in self.limits)

    def may_use_surface(self, surface: str) -> bool:
        """Tell whether every set of limits allows this surface."""
        return all(_matches(limits.allowed_surfaces, surface) for limits in self.limits)

    def with_shared(self, shared: tuple[Limits, ...]) -> TokenRecord:
        """Return the same token under its group's newer limits."""
        return replace(self, shared=shared, group=shared[0].name if shared else None)


def _needs(counted: Iterable[Limits]) -> Needs:
    has_input = has_output = False
    currencies: set[str] = set()
    for limits in counted:
        has_input = has_input or limits.input_tokens_per_minute is not None
        has_output = has_output or limits.output_tokens_per_minute is not None
        if limits.budget is not None:
            currencies.add(currency_of(limits))
    has_money = bool(currencies)
    return Needs(
        has_input, has_output, frozenset(currencies), has_money, has_input or has_output or has_money
    )


def currency_of(limits: Limits) -> str:
    """Return the currency of the set's budget, USD where none is named."""
    return limits.budget_currency or DEFAULT_CURRENCY


def from_row(token: Token, shared: tuple[Limits, ...]) -> TokenRecord:
    """Build the record of a row; `shared` are the limits of its group and of that group's parent."""
    return TokenRecord(
        id=token.id,
        label=token.label,
        issued_at=token.issued_at,
        expires_at=token.expires_at,
        ends_early_at=token.expires_at if token.is_shortened else None,
        is_revoked=token.is_revoked,
        account=token.account or None,
        provider=token.provider or None,
        group=shared[0].name if shared else None,
        ledger_id=token.ledger_id,
        own=limits_of(token, token.ledger_id),
        shared=shared,
        group_id=token.group_id,
        revision=token.revision,
        payment=token.payment or CHARGE,
        person=_email(token),
        is_sign_in=token.sign_in_id is not None,
        logs_requests=token.log_requests,
        person_id=token.person_id,
    )


def _email(token: Token) -> str:
    """Return whose token it is, by e-mail; by the login's name where there is none."""
    owner = token.person or token.sign_in
    user = None if owner is None else owner.user
    return "" if user is None else user.email or user.get_username()


def unrecorded(sub: str, label: str, times: tuple[int, int]) -> TokenRecord:
    """Build the record of a token that is good by its signature alone. `times` are iat and exp."""
    return TokenRecord(
        id=sub,
        label=label,
        issued_at=times[0],
        expires_at=times[1],
        ends_early_at=None,
        is_revoked=False,
        account=None,
        provider=None,
        group=None,
        ledger_id=sub,
        own=Limits(sub),
        is_recorded=False,
    )


def group_ledger(group_id: int) -> str:
    """Return the ledger's name for what a group spends."""
    return f"group:{group_id}"


def shared_limits(groups: Iterable[Group]) -> dict[int, tuple[Limits, ...]]:
    """Map every group's id to its own limits, then its parent's."""
    by_id = {group.pk: group for group in groups}
    found: dict[int, tuple[Limits, ...]] = {}
    for pk, group in by_id.items():
        chain = [group] if group.parent_id is None else [group, by_id[group.parent_id]]
        found[pk] = tuple(limits_of(member, group_ledger(member.pk), member.name) for member in chain)
    return found


def limits_of(row: Limited, ledger: str, name: str = "") -> Limits:
    """Return the limits of a row, counted in `ledger`."""
    return Limits(
        ledger=ledger,
        name=name,
        max_requests=row.max_requests,
        requests_per_minute=row.requests_per_minute,
        input_tokens_per_minute=row.input_tokens_per_minute,
        output_tokens_per_minute=row.output_tokens_per_minute,
        max_parallel_requests=row.max_parallel_requests,
        budget=row.budget,
        budget_currency=row.budget_currency,
        budget_period=row.budget_period,
        budget_soft_percent=row.budget_soft_percent,
        allowed_models=tuple(row.allowed_models),
        allowed_surfaces=tuple(row.allowed_surfaces),
    )


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
