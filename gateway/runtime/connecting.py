"""Connect the apps as they are set up: light, for commands need no relay."""

from __future__ import annotations

from accounts.credentials import kinds
from accounts.pool import live
from gateway.kernel.parts import PARTS
from gateway.usage.prices import services as prices
from gateway.usage.viewing import from_rows
from providers.catalog import live as provider_live
from providers.fields import rows
from tokens import fields
from tokens.limits import usage


def connect() -> None:
    """Give each app what it asks of those that it may not import. Builds nothing, asks no database."""
    PARTS.put(provider_live.ACCOUNTS, provider_live.Accounts(live.has_credentials, live.status_of))
    PARTS.put(rows.LOGINS, kinds.problem_of)
    PARTS.put(usage.READER, from_rows)
    PARTS.put(fields.CURRENCIES, prices.currencies)
