"""Read and write `tokens.bin` as the Rust router does: a magic word, then length-prefixed JSON records. Pure.

A record that can't be read is reported and the next one tried: its length says where that begins.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from struct import Struct

from tokens.files.types import Contents, Problem, StoredToken

MAGIC = b"LARTOK01"

_LENGTH = Struct("<I")
_REQUIRED: dict[str, type] = {"id": str, "label": str, "issued_at": int, "expires_at": int, "revoked": bool}
_I64 = range(-(2**63), 2**63)


def read(raw: bytes) -> Contents:
    """Read every record. Of a repeated id the last counts, but a revocation is never taken back."""
    found = Contents()
    if len(raw) < len(MAGIC):
        return found
    if not raw.startswith(MAGIC):
        found.problems.append(Problem("file", "invalid binary magic header"))
        return found
    position, number = len(MAGIC), 0
    while position < len(raw):
        number += 1
        place = f"record {number}"
        if position + _LENGTH.size > len(raw):
            found.problems.append(Problem(place, "the length is cut short"))
            break
        (length,) = _LENGTH.unpack_from(raw, position)
        start = position + _LENGTH.size
        position = start + length
        if position > len(raw):
            found.problems.append(Problem(place, "failed to fill whole buffer"))
            break
        _read_record(raw[start:position], place, found)
    return found


def write(tokens: Iterable[StoredToken]) -> bytes:
    """Write the file, sorted by id."""
    parts = [MAGIC]
    for token in sorted(tokens, key=lambda token: token.id):
        record = _json(token)
        parts += (_LENGTH.pack(len(record)), record)
    return b"".join(parts)


def _json(token: StoredToken) -> bytes:
    fields = {
        "id": token.id,
        "label": token.label,
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
        "revoked": token.revoked,
        "account": token.account,
    }
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def _read_record(raw: bytes, place: str, found: Contents) -> None:
    try:
        value = json.loads(raw.decode())
    except (ValueError, RecursionError):
        found.problems.append(Problem(place, "not a JSON record"))
        return
    reason = _flaw(value)
    if reason:
        token_id = value.get("id") if isinstance(value, dict) else None
        is_known = isinstance(token_id, str) and is_unicode(token_id)
        found.problems.append(Problem(place, reason, token_id if is_known else None))
        return
    token = StoredToken(
        **{name: value[name] for name in _REQUIRED},
        account=value.get("account"),
        max_requests=_remaining(value),
    )
    before = found.records.get(token.id)
    if before is not None and before.revoked and not token.revoked:
        found.problems.append(
            Problem(place, "repeats a revoked id as not revoked; it stays revoked", token.id)
        )
        return
    found.records[token.id] = token


def _flaw(value: object) -> str | None:
    """Return why this isn't a record, or None."""
    if not isinstance(value, dict):
        return "not a JSON object"
    for name, kind in _REQUIRED.items():
        if name not in value:
            return f"missing field `{name}`"
        if type(value[name]) is not kind:
            return f"wrong type of `{name}`"
        if kind is int and value[name] not in _I64:
            return f"number out of range in `{name}`"
    if not isinstance(value.get("account"), str | None):
        return "wrong type of `account`"
    for name in ("id", "label", "account"):
        if not is_unicode(value.get(name) or ""):
            return f"no Unicode text in `{name}`"
    return None


def is_unicode(text: str) -> bool:
    """Tell whether no half of a surrogate pair is in it: JSON can write one, no database takes it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _remaining(value: dict[str, object]) -> int | None:
    most, used = value.get("max_requests"), value.get("used_requests")
    if not isinstance(most, int):
        return None
    return min(max(most - (used if isinstance(used, int) else 0), 0), _I64[-1])
