"""Everything that writes prices: one transaction each, counted in `gateway_revision`, then told to this process."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal, InvalidOperation

from django.db import transaction
from django.db.models import F

from gateway.models import TEXT_LENGTH, GatewayRevision, PriceRow
from gateway.usage.prices.errors import BadPrice, PriceNotFound
from gateway.usage.prices.table import DECIMALS

logger = logging.getLogger(__name__)

PRICES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
REQUIRED = ("input", "output")
FIELDS = (*PRICES, "currency", "max_output", "priced_on", "source")
MAX_PRICE = Decimal(10) ** 9
MAX_TOKENS = 10**9

_listeners: list[Callable[[], None]] = []


def on_change(callback: Callable[[], None]) -> None:
    """Register a callback, run in the thread that made the change before the service returns."""
    if callback not in _listeners:
        _listeners.append(callback)


@contextmanager
def counted() -> Iterator[None]:
    """A transaction whose change every process notices."""
    with transaction.atomic():
        counter = GatewayRevision.objects.filter(pk=1)
        if not counter.update(value=F("value") + 1):
            GatewayRevision.objects.bulk_create([GatewayRevision(pk=1)], ignore_conflicts=True)
            counter.update(value=F("value") + 1)
        transaction.on_commit(_announce)
        yield


def put(model: object, provider: object = "", **given: object) -> PriceRow:
    """Set the price of a model (a name or a pattern) at a provider ("" = any); makes the row or changes what is
    given. Raises BadPrice."""
    key = {"model": _text("model", model), "provider": _text("provider", provider)}
    if not key["model"]:
        raise BadPrice("model", "must be given")
    values = checked(given)
    with counted():
        row = PriceRow.objects.filter(**key).first()
        if row is None:
            for name in REQUIRED:
                if values.get(name) is None:
                    raise BadPrice(name, "must be given")
            return PriceRow.objects.create(**key, **values)
        PriceRow.objects.filter(pk=row.pk).update(**values)
        row.refresh_from_db()
        return row


def put_all(rows: Iterable[Mapping[str, object]], shared: Mapping[str, object]) -> int:
    """Set many prices, all or none; `shared` holds for rows that do not say otherwise. How many."""
    count = 0
    with transaction.atomic():
        for row in rows:
            if not isinstance(row, Mapping):
                raise BadPrice("", "every price must be an object")
            put(**{**shared, **row})
            count += 1
    return count


def delete(model: str, provider: str = "") -> None:
    """Raises PriceNotFound."""
    with counted():
        deleted, _ = PriceRow.objects.filter(model=model, provider=provider).delete()
        if not deleted:
            raise PriceNotFound


def delete_row(pk: int) -> None:
    with counted():
        PriceRow.objects.filter(pk=pk).delete()


def find(contained: str = "") -> list[PriceRow]:
    """Every price whose model contains the text, by model."""
    rows = PriceRow.objects.order_by("model", "provider")
    return list(rows.filter(model__contains=contained) if contained else rows)


def currencies() -> frozenset[str]:
    """Those in which anything is priced."""
    return frozenset(PriceRow.objects.order_by().values_list("currency", flat=True).distinct())


def checked(given: Mapping[str, object]) -> dict[str, object]:
    """The fields as the row keeps them. Raises BadPrice naming the first that can't be."""
    values: dict[str, object] = {}
    for name, value in given.items():
        if name not in FIELDS:
            raise BadPrice(name, "unknown field")
        values[name] = _CHECKS[name](name, value)
    for name in REQUIRED:
        if name in values and values[name] is None:
            raise BadPrice(name, "must be a price")
    return values


def _price(name: str, value: object) -> Decimal | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or len(str(value)) > 32:
        raise BadPrice(name, 'must be a decimal string such as "0.25"')
    try:
        price = Decimal(value)
    except InvalidOperation:
        raise BadPrice(name, 'must be a decimal string such as "0.25"') from None
    if not price.is_finite() or not 0 <= price < MAX_PRICE or price != round(price, DECIMALS):
        raise BadPrice(name, f"must be from 0, below {MAX_PRICE}, with at most {DECIMALS} decimals")
    return price


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > TEXT_LENGTH or "\0" in value:
        raise BadPrice(name, f"must be a string of at most {TEXT_LENGTH} characters")
    return value.strip()


def _currency(name: str, value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{3,8}", value):
        raise BadPrice(name, "must be a currency code such as USD")
    return value


def _tokens(name: str, value: object) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_TOKENS:
        raise BadPrice(name, f"must be an integer from 1 to {MAX_TOKENS}")
    return value


def _day(name: str, value: object) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise BadPrice(name, "must be a day such as 2026-11-24") from None


_CHECKS: dict[str, Callable[[str, object], object]] = {
    **dict.fromkeys(PRICES, _price),
    "currency": _currency,
    "max_output": _tokens,
    "priced_on": _day,
    "source": _text,
}


def _announce() -> None:
    for callback in tuple(_listeners):
        try:
            callback()
        except Exception:
            logger.exception("A listener for price changes failed")
