"""What this process serves with, for those who show where calls go and what keeps them from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from providers.catalog import Catalog
from providers.store import boot_from_settings


@dataclass(frozen=True, slots=True)
class Condition:
    """What keeps calls from a provider, in this process."""

    state: str  # down: its breaker is open; cooling: its own key rests; partly-cooling: for some models only
    until: float  # Unix seconds
    reason: str


HasCredentials = Callable[[str], bool]
ConditionOf = Callable[[str], Condition | None]

_serving: list[Catalog] = []
_knows_accounts: list[tuple[HasCredentials, ConditionOf]] = []


def use(catalog: Catalog) -> None:
    """The runtime says which catalog it serves with."""
    _serving[:] = [catalog]


def forget(catalog: Catalog) -> None:
    """The runtime has closed."""
    if catalog in _serving:
        _serving.remove(catalog)


def ask_accounts_with(has_credentials: HasCredentials, condition_of: ConditionOf) -> None:
    """This app knows no accounts: how a process that serves nothing learns whether a provider has some, and one that
    serves, what they have met."""
    _knows_accounts[:] = [(has_credentials, condition_of)]


def condition(provider: str) -> Condition | None:
    """None when calls may go there, or this process serves nothing."""
    return _knows_accounts[0][1](provider) if _knows_accounts else None


def catalog_to_show() -> Catalog:
    """The serving catalog, up to date; in a process that serves nothing, one read for this occasion."""
    if _serving:
        _serving[0].apply_changes()
        return _serving[0]
    known = _knows_accounts[0][0] if _knows_accounts else _nobody
    catalog = Catalog(boot_from_settings(), known)
    catalog.load()
    return catalog


def _nobody(provider: str) -> bool:
    return False
