"""Check that an account's source is one that its provider's kind can be called with."""

from __future__ import annotations

from accounts.credentials import clouds
from accounts.errors import BadAccount
from accounts.models import Source
from providers.catalog.records import ANTHROPIC
from providers.drivers.table import DRIVERS
from providers.models import Provider

WITHOUT_ROW = {ANTHROPIC: ANTHROPIC}
"""Kinds of providers that need no row, by name."""


def check(source: str, provider: str) -> None:
    """Refuse a login that such a provider does not take. Raises `BadAccount`.

    A provider that is not there yet has no kind, so nothing is known to be wrong.
    """
    found = Provider.objects.filter(name=provider).values_list("kind", flat=True).first()
    driver = DRIVERS.get(found or WITHOUT_ROW.get(provider, ""))
    if driver is None:
        return
    login = clouds.KINDS.get(Source(source))
    if login is not None and login is not driver.login:
        able = ", ".join(name for name, one in DRIVERS.items() if one.login is login)
        problem = f"source {source} is for providers of kind {able}"
    elif source in (Source.DIRECTORY, Source.OAUTH) and driver.login is not None:
        problem = f"source {source} holds a login that no cloud takes"
    else:
        return
    raise BadAccount("provider", f"{problem}; {provider} is of kind {driver.kind}")
