"""The catalog that this process serves with, for those who show where calls go."""

from __future__ import annotations

from collections.abc import Callable

from providers.catalog import Catalog
from providers.store import boot_from_settings

_serving: list[Catalog] = []
_knows_accounts: list[Callable[[str], bool]] = []


def use(catalog: Catalog) -> None:
    """The runtime says which catalog it serves with."""
    _serving[:] = [catalog]


def forget(catalog: Catalog) -> None:
    """The runtime has closed."""
    if catalog in _serving:
        _serving.remove(catalog)


def ask_accounts_with(has_credentials: Callable[[str], bool]) -> None:
    """How a process that serves nothing learns whether a provider has accounts: this app knows none."""
    _knows_accounts[:] = [has_credentials]


def catalog_to_show() -> Catalog:
    """The serving catalog, up to date; in a process that serves nothing, one read for this occasion."""
    if _serving:
        _serving[0].apply_changes()
        return _serving[0]
    known = _knows_accounts[0] if _knows_accounts else _nobody
    catalog = Catalog(boot_from_settings(), known)
    catalog.load()
    return catalog


def _nobody(provider: str) -> bool:
    return False
