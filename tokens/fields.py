"""Check a token's fields. API, commands, admin and import all ask here, so all say the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from gateway.kernel.parts import PARTS, Key
from tokens.errors import BadTokenField
from tokens.models import CHARGE, LIMIT_FIELDS, PREPAID, BudgetPeriod, Limited, PaymentRule

ENABLED_LIMITS: tuple[str, ...] = LIMIT_FIELDS
"""Limits that something enforces today. A limit that isn't listed is refused, never kept quietly."""

TOKEN_FIELDS = ("account", "provider", "group", "person", "payment", "log_requests", *LIMIT_FIELDS)
GROUP_FIELDS = ("parent", "priority", "member_budget", "member_budget_period", *LIMIT_FIELDS)

DEFAULT_TTL_HOURS = 24
MAX_TTL_HOURS = 87_600
MAX_LABEL_LENGTH = 1_000
MAX_NAME_LENGTH = 255
MAX_PATTERNS = 200
MAX_COUNT = 10**15
MAX_PRIORITY = 10**6
USUAL_PRIORITY = 100
MAX_GRACE_SECONDS = 30 * 86_400


def check(name: str, value: object) -> object:
    """Return `value` as the row keeps it. Raises BadTokenField naming the field."""
    if name in LIMIT_FIELDS and name not in ENABLED_LIMITS:
        raise BadTokenField(name, "this limit is not enforced by this version, so it can't be set")
    return _CHECKS[name](name, value)


def check_all(given: Mapping[str, object], known: tuple[str, ...]) -> dict[str, object]:
    """Check every member; a name that isn't in `known` is refused."""
    for name in given:
        if name not in known:
            raise BadTokenField(name, "unknown field")
    values = {name: check(name, value) for name, value in given.items()}
    if values.get("budget") is not None and not values.get("budget_currency", "USD"):
        raise BadTokenField("budget_currency", "must be given with a budget")
    return values


def completed(values: Mapping[str, object], row: Limited | None = None) -> dict[str, object]:
    """Add the currency and period of a new budget, where neither the call nor the row says them.

    Raises BadTokenField for a currency in which nothing is priced: such a budget could not be counted.
    """
    found = dict(values)
    if found.get("budget") is not None:
        for name, usual in (
            ("budget_currency", DEFAULT_CURRENCY),
            ("budget_period", BudgetPeriod.NEVER.value),
        ):
            kept = "" if row is None else getattr(row, name)
            if not found.get(name, kept):
                found[name] = usual
    is_prepaid = found.get("payment", getattr(row, "payment", None)) == PREPAID
    if is_prepaid and found.get("budget", getattr(row, "budget", None)) is None:
        raise BadTokenField("payment", "prepaid needs a budget, which is what was paid")
    currency = found.get("budget_currency")
    if currency and (known := _currencies()) and currency not in known:
        listed = ", ".join(sorted(known))
        raise BadTokenField("budget_currency", f"must be the currency of the prices ({listed})")
    return found


DEFAULT_CURRENCY = "USD"


CURRENCIES: Key[Callable[[], frozenset[str]]] = Key("currencies of prices")
"""Gives the currencies in which anything is priced."""


def _currencies() -> frozenset[str]:
    source = PARTS.get(CURRENCIES)
    return frozenset((DEFAULT_CURRENCY,)) if source is None else source()


def enabled(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of `names` that may be set today."""
    return tuple(name for name in names if name not in LIMIT_FIELDS or name in ENABLED_LIMITS)


def label(value: object) -> str:
    """Check a label. Null counts as empty. Raises BadTokenField."""
    return text("label", value, MAX_LABEL_LENGTH)


def ttl_hours(value: object) -> int:
    """Check a token's life: 1 hour to 10 years; null counts as the default."""
    return DEFAULT_TTL_HOURS if value is None else integer("ttl_hours", value, (1, MAX_TTL_HOURS))


def grace_seconds(value: object) -> int:
    """Check the time that a rotated token lives on; null counts as an hour."""
    return 3600 if value is None else integer("grace_seconds", value, (0, MAX_GRACE_SECONDS))


def integer(name: str, value: object, bounds: tuple[int, int]) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadTokenField(name, "must be an integer")
    low, high = bounds
    if not low <= value <= high:
        raise BadTokenField(name, f"must be from {low} to {high}")
    return value


def text(name: str, value: object, max_length: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadTokenField(name, "must be a string")
    if len(value) > max_length:
        raise BadTokenField(name, f"must have at most {max_length} characters")
    if "\0" in value or (not value.isascii() and re.search("[\ud800-\udfff]", value)):
        raise BadTokenField(name, "must not contain NUL or lone surrogates")
    return value


def _name(name: str, value: object) -> str | None:
    return None if value is None else text(name, value, MAX_NAME_LENGTH)


def _count(name: str, value: object) -> int | None:
    return None if value is None else integer(name, value, (1, MAX_COUNT))


def _priority(name: str, value: object) -> int:
    return USUAL_PRIORITY if value is None else integer(name, value, (-MAX_PRIORITY, MAX_PRIORITY))


def _percent(name: str, value: object) -> int | None:
    return None if value is None else integer(name, value, (1, 100))


def _patterns(name: str, value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadTokenField(name, "must be a list of strings")
    if len(value) > MAX_PATTERNS:
        raise BadTokenField(name, f"must have at most {MAX_PATTERNS} entries")
    patterns = [text(name, item, MAX_NAME_LENGTH) for item in value]
    if not all(patterns):
        raise BadTokenField(name, "must not contain empty entries")
    return patterns


def _budget(name: str, value: object) -> Decimal | None:
    if value is None:
        return None
    if not isinstance(value, str | Decimal) or (isinstance(value, str) and len(value) > 32):
        raise BadTokenField(name, 'must be a decimal string such as "12.50"')
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise BadTokenField(name, 'must be a decimal string such as "12.50"') from None
    if not amount.is_finite() or not 0 < amount < 10**10 or amount != amount.quantize(Decimal("1e-10")):
        raise BadTokenField(name, "must be above 0 and below 10000000000, with at most 10 decimals")
    return amount


def _currency(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{3,8}", value):
        raise BadTokenField(name, "must be a currency code such as USD")
    return value


def _payment(name: str, value: object) -> str:
    if value is None:
        return CHARGE
    if value not in PaymentRule.values:
        raise BadTokenField(name, f"must be one of {', '.join(PaymentRule.values)}")
    return str(value)


def _flag(name: str, value: object) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise BadTokenField(name, "must be true or false")
    return value


def _period(name: str, value: object) -> str:
    if value is None:
        return ""
    if value not in BudgetPeriod.values:
        raise BadTokenField(name, f"must be one of {', '.join(BudgetPeriod.values)}")
    return str(value)


_CHECKS: dict[str, Callable[[str, object], object]] = {
    "label": lambda _, value: label(value),
    "account": _name,
    "provider": _name,
    "group": _name,
    "parent": _name,
    "person": _name,
    "priority": _priority,
    "member_budget": _budget,
    "member_budget_period": _period,
    "payment": _payment,
    "log_requests": _flag,
    "max_requests": _count,
    "requests_per_minute": _count,
    "input_tokens_per_minute": _count,
    "output_tokens_per_minute": _count,
    "max_parallel_requests": _count,
    "budget": _budget,
    "budget_currency": _currency,
    "budget_period": _period,
    "budget_soft_percent": _percent,
    "allowed_models": _patterns,
    "allowed_surfaces": _patterns,
}
