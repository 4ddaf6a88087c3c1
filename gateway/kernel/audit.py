"""Record who changed what, in the transaction of the change: if that is rolled back, so is the record.

The rows are the gateway's (`gateway/audit`); apps below it write them here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import transaction
from uuid_utils import uuid7

from gateway.kernel.principal import Principal, PrincipalKind
from gateway.kernel.redaction import redact

SECRET = "(secret)"  # noqa: S105 - what stands in its place
LONGEST_TEXT = 255
LONGEST_VALUE = 2_000
MOST_ITEMS = 200
DEEPEST = 4

_SECRET_NAME = re.compile(
    r"(?i)secret|passw|pass_?phrase|credential|private|cipher|encrypted|authorization|cookie|proxy|totp|api[-_]?key|"
    r"(?:^|[-_.])(?:token|key|auth|signature)$"
)
_NOT_SECRET = frozenset(("key_id", "api_key_env", "access_key_id"))
"""Names of secrets, not secrets."""

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one thing, for `record_all`: as the arguments of `record`."""

    action: str
    subject: str
    before: Fields | None
    after: Fields | None


def record(
    principal: Principal, action: str, subject: str, before: Fields | None, after: Fields | None
) -> None:
    """Write what changed and who did it. To be called inside the transaction of the change.

    `before` and `after`: the fields of the thing, all or only those that changed; None = there was none, or will be
    none. What is the same on both sides is left out; where nothing differs nothing was changed, and nothing is
    recorded. With None on both sides it is recorded that the action took place. Of fields whose names say that they
    are secret only `(secret)` is kept.
    """
    record_all(principal, (Change(action, subject, before, after),))


def record_all(principal: Principal, changes: Iterable[Change]) -> None:
    """Write many changes of one transaction, as `record` does each."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError(
            "an audit row belongs into the transaction of its change"
        )
    model = apps.get_model("gateway", "AuditRow")
    rows = [
        model(**_row(principal, change, sides)) for change in changes if (sides := _sides(change)) is not None
    ]
    model._default_manager.bulk_create(rows, batch_size=500)


def _row(principal: Principal, change: Change, sides: tuple[Any, Any]) -> dict[str, object]:
    kind = PrincipalKind.PERSON if principal.kind is PrincipalKind.STAFF else principal.kind
    return {
        "id": UUID(int=uuid7().int),
        "at": datetime.now(UTC),
        "who_kind": str(kind),
        "who_name": _cut(principal.shown_name),
        "via": principal.way,
        "action": change.action,
        "subject": _cut(change.subject),
        "before": sides[0],
        "after": sides[1],
        "peer": principal.address[:64],
        "request_id": principal.request_id[:64],
    }


def _sides(change: Change) -> tuple[dict[str, object] | None, dict[str, object] | None] | None:
    """Return both sides without what is the same; None when nothing differs."""
    before, after = change.before, change.after
    if before is None and after is None:
        return None, None
    earlier, later = before or {}, after or {}
    names = [name for name in {**earlier, **later} if earlier.get(name) != later.get(name)]
    if not names and before is not None and after is not None:
        return None
    return _side(before, names), _side(after, names)


def _side(fields: Fields | None, names: Sequence[str]) -> dict[str, object] | None:
    return None if fields is None else {name: _shown(name, fields.get(name)) for name in names}


def _shown(name: str, value: object, depth: int = 0) -> object:
    """Return a value as it may be kept: no secret, nothing that JSON or a database refuses, of bounded size."""
    if is_secret_name(name):
        return SECRET if value or value == 0 else None
    if depth >= DEEPEST and isinstance(value, Mapping | list | tuple | set | frozenset):
        return "…"
    if isinstance(value, Mapping):
        items = tuple(value.items())[:MOST_ITEMS]
        return {_cut(str(key)): _shown(str(key), inner, depth + 1) for key, inner in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(name, inner, depth + 1) for inner in tuple(value)[:MOST_ITEMS]]
    plain = _plain(value)
    if plain is None or isinstance(plain, bool | int | float):
        return plain
    return _clean(str(plain), LONGEST_VALUE)


def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name holds a secret."""
    return name.lower() not in _NOT_SECRET and _SECRET_NAME.search(name) is not None


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _cut(text: str) -> str:
    return _clean(text, LONGEST_TEXT)


def _clean(text: str, length: int) -> str:
    plain = text[: 4 * length].replace("\0", "").encode("utf-8", "replace").decode()
    return redact(plain)[:length]
