"""The catalog that this process serves with, and the status of its providers.

For pages, commands and the API, which show where calls go and what keeps them from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.kernel.parts import PARTS, Key
from providers.catalog.catalog import Catalog
from providers.catalog.store import boot_from_settings
from providers.models import Provider


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """The reason why this process sends no calls to a provider."""

    # down: its circuit breaker is open; cooling: its own key is on cooldown; partly-cooling: the same for
    # some models only
    state: str
    until: float  # Unix seconds
    reason: str


@dataclass(frozen=True, slots=True)
class Accounts:
    """What providers ask of accounts, which this app does not know.

    A process that serves nothing learns by `has_credentials` whether a provider has accounts; one that serves
    learns by `status_of` what its providers have met.
    """

    has_credentials: Callable[[str], bool]
    status_of: Callable[[str], ProviderStatus | None]


CATALOG: Key[Catalog] = Key("catalog")
"""The catalog that the runtime serves with."""
ACCOUNTS: Key[Accounts] = Key("accounts of providers")


def provider_status(provider: str) -> ProviderStatus | None:
    """Return a provider's status; None when calls may go there, or this process serves nothing."""
    accounts = PARTS.get(ACCOUNTS)
    return None if accounts is None else accounts.status_of(provider)


def kind_of(provider: str, reads_rows: bool = True) -> str:
    """Return a provider's kind by its name; "": there is none. Reads rows where this process serves nothing."""
    serving = PARTS.get(CATALOG)
    if serving is not None:
        found = serving.view.providers.get(provider)
        return "" if found is None else found.kind
    rows = Provider.objects.filter(name=provider).values_list("kind", flat=True)
    row = rows.first() if reads_rows else None
    if row is not None:
        return row
    boot = boot_from_settings()
    own = (boot.anthropic, boot.beside)
    return next((one.kind for one in own if one is not None and one.name == provider), "")


def catalog_to_show() -> Catalog:
    """Return the serving catalog, up to date.

    In a process that serves nothing it is one read for this occasion.
    """
    if (serving := PARTS.get(CATALOG)) is not None:
        serving.apply_changes()
        return serving
    accounts = PARTS.get(ACCOUNTS)
    catalog = Catalog(boot_from_settings(), _nobody if accounts is None else accounts.has_credentials)
    catalog.load()
    return catalog


def _nobody(provider: str) -> bool:
    return False
