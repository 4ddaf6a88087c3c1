"""Name the price rows of a place: a provider's own, and those of clouds that charge more for staying in a region."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from providers.catalog.records import ProviderRecord
from providers.drivers.table import DRIVERS

GLOBAL = "global"
ANYWHERE = "any"
"""Stands for the region of an account that has not been chosen yet."""


class Priced(NamedTuple):
    """A model at a place, as price rows are looked up for it."""

    model: str
    provider: str
    regional: str = ""  # the rows of calls that stay in a region; "": it does not


def regional(record: ProviderRecord, model: str, region: str) -> str:
    """Return the name of the rows that hold for calls that stay in a region; "": no such rows.

    `model`: the id that is sent there; `region`: the account's own, "" = its provider's. A profile whose ARN does
    not say where it leads counts as one of its region: a budget must not hold too little.
    """
    return _rows(record.kind, model, region or record.options.get("region", ""))


@lru_cache(maxsize=1024)
def _rows(kind: str, model: str, place: str) -> str:
    driver = DRIVERS.get(kind)
    if driver is None or not driver.regional_prices:
        return ""
    if model.rpartition("/")[2].startswith(f"{GLOBAL}."):
        return ""
    return driver.regional_prices if place not in ("", GLOBAL) else ""
