"""Write prices: one transaction each, counted in `gateway_revision` and recorded, then told to this process."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal, InvalidOperation

from django.db import transaction
from django.db.models import F

from gateway.kernel import audit
from gateway.kernel.changes import Listeners
from gateway.kernel.principal import Principal
from gateway.kernel.regular import is_unicode
from gateway.models import TEXT_LENGTH, GatewayRevision, PriceRow
from gateway.usage.prices.errors import BadPrice, PriceNotFound
from gateway.usage.prices.table import DECIMALS

logger = logging.getLogger(__name__)

PRICES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
REQUIRED = ("input", "output")
MULTIPLES = ("batch_multiple", "fast_multiple", "region_multiple")
EXTRAS = ("web_search", *MULTIPLES)
FIELDS = (*PRICES, *EXTRAS, "currency", "max_output", "priced_on", "source")
MAX_MULTIPLE = Decimal(100)
MAX_PRICE = Decimal(10) ** 9
MAX_TOKENS = 10**9

_listeners = Listeners("price")
on_change, forget, announce = _listeners.add, _listeners.remove, _listeners.announce


@contextmanager
def counted() -> Iterator[None]:
    """Open a transaction whose change every process notices."""
    with transaction.atomic():
        counter = GatewayRevision.objects.filter(pk=1)
        if not counter.update(value=F("value") + 1):
            GatewayRevision.objects.bulk_create([GatewayRevision(pk=1)], ignore_conflicts=True)
            counter.update(value=F("value") + 1)
        transaction.on_commit(announce)
        yield


def put(model: object, provider: object = "", *, principal: Principal, **given: object) -> PriceRow:
    """Set the price of a model (a name or a pattern) at a provider ("" = any).

    Makes the row or changes what is given. Raises BadPrice.
    """
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
            row = PriceRow.objects.create(**key, **values)
            _record(principal, "price.create", None, row)
            return row
        before = _shown(row)
        PriceRow.objects.filter(pk=row.pk).update(**values)
        row.refresh_from_db()
        _record(principal, "price.change", before, row)
        return row


def put_all(
    rows: Iterable[Mapping[str, object]], shared: Mapping[str, object], *, principal: Principal
) -> int:
    """Set many prices, all or none; return how many. `shared` holds for rows that do not say otherwise."""
    count = 0
    with transaction.atomic():
        for row in rows:
            if not isinstance(row, Mapping):
                raise BadPrice("", "every price must be an object")
            fields = {**shared, **row}
            model, provider = fields.pop("model", None), fields.pop("provider", "")
            if "principal" in fields:
                raise BadPrice("principal", "unknown field")
            put(model, provider, principal=principal, **fields)
            count += 1
    return count


def delete(model: str, provider: str = "", *, principal: Principal) -> None:
    """Delete a price. Raises PriceNotFound."""
    with counted():
        row = PriceRow.objects.filter(model=model, provider=provider).first()
        if row is None:
            raise PriceNotFound
        _delete(row, principal)


def delete_row(pk: int, *, principal: Principal) -> None:
    """Delete the price of a row; none there is no error."""
    with counted():
        row = PriceRow.objects.filter(pk=pk).first()
        if row is not None:
            _delete(row, principal)


def _delete(row: PriceRow, principal: Principal) -> None:
    audit.record(principal, "price.remove", f"price:{row.model}", _shown(row), None)
    row.delete()


def _record(principal: Principal, action: str, before: Mapping[str, object] | None, row: PriceRow) -> None:
    audit.record(principal, action, f"price:{row.model}", before, _shown(row))


def _shown(row: PriceRow) -> dict[str, object]:
    """Return the fields for the audit."""
    fields = {name: getattr(row, name) for name in ("model", "provider", *FIELDS)}
    return {name: None if value == "" else value for name, value in fields.items()}


def find(contained: str = "") -> list[PriceRow]:
    """Return every price whose model contains the text, by model."""
    rows = PriceRow.objects.order_by("model", "provider")
    return list(rows.filter(model__contains=contained) if contained else rows)


def currencies() -> frozenset[str]:
    """Return the currencies in which anything is priced."""
    return frozenset(PriceRow.objects.order_by().values_list("currency", flat=True).distinct())


def checked(given: Mapping[str, object]) -> dict[str, object]:
    """Return the fields as the row keeps them. Raises BadPrice naming the first that can't be."""
    values: dict[str, object] = {}
    for name, value in given.items():
        if name not in FIELDS:
            raise BadPrice(name, "unknown field")
        values[name] = _CHECKS[name](name, value)
    for name in (*REQUIRED, *EXTRAS):
        if name in values and values[name] is None:
            raise BadPrice(name, "must be a price" if name in PRICES else "must be a number")
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


def _multiple(name: str, value: object) -> Decimal | None:
    multiple = _price(name, value)
    if multiple is not None and multiple >= MAX_MULTIPLE:
        raise BadPrice(name, f"must be below {MAX_MULTIPLE}")
    return multiple


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > TEXT_LENGTH or "\0" in value or not is_unicode(value):
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
    **dict.fromkeys((*PRICES, "web_search"), _price),
    **dict.fromkeys(MULTIPLES, _multiple),
    "currency": _currency,
    "max_output": _tokens,
    "priced_on": _day,
    "source": _text,
}
