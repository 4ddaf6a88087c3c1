"""Check that an account's source is one that its provider's kind can be called with."""

from __future__ import annotations

from accounts.credentials import clouds
from accounts.errors import BadAccount
from accounts.models import Account, Source
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
    kind = found or WITHOUT_ROW.get(provider, "")
    if (problem := _problem(source, kind)) is not None:
        raise BadAccount("provider", f"{problem}; {provider} is of kind {kind}")


def problem_of(provider: str, kind: str) -> str | None:
    """Return why a provider can't be of a kind: an account that it has holds a login for others; None: it can."""
    for name, source in (
        Account.objects.filter(provider=provider).order_by("name").values_list("name", "source")
    ):
        if (problem := _problem(source, kind)) is not None:
            return f"{problem}, and account {name} of {provider} has it; change or delete that account first"
    return None


def _problem(source: str, kind: str) -> str | None:
    driver = DRIVERS.get(kind)
    if driver is None:
        return None
    login = clouds.KINDS.get(Source(source))
    if login is not None and login is not driver.login:
        able = ", ".join(name for name, one in DRIVERS.items() if one.login is login)
        return f"source {source} is for providers of kind {able}"
    if source in (Source.DIRECTORY, Source.OAUTH) and driver.login is not None:
        return f"source {source} holds a login that no cloud takes"
    return None
