"""Write JSON in the one form that is signed: JCS, RFC 8785. Pure."""

from __future__ import annotations

import json
import math

from forgefed.errors import BadSignature

DEEPEST = 64
LARGEST_EXACT = 2**53


def canonical(value: object, depth: int = 0) -> str:
    """Return the canonical text. Raises `BadSignature` for what has none."""
    if depth > DEEPEST:
        raise BadSignature("the document is nested too deeply")
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_text(name)}:{canonical(one, depth + 1)}" for name, one in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(one, depth + 1) for one in value) + "]"
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return _number(value)
    raise BadSignature("not JSON")


def _text(value: str) -> str:
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise BadSignature("half a character has no canonical form")
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """Write a number as ECMAScript does: https://tc39.es/ecma262/#sec-numeric-types-number-tostring."""
    if isinstance(value, int) and abs(value) < LARGEST_EXACT:
        return str(value)
    try:
        number = float(value)
    except OverflowError as exc:
        raise BadSignature("a number that is too large") from exc
    if not math.isfinite(number):
        raise BadSignature("a number that is none")
    if number == 0:
        return "0"
    mantissa, _, exponent = f"{number!r}".lower().partition("e")
    sign, mantissa = ("-", mantissa[1:]) if mantissa.startswith("-") else ("", mantissa)
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + ("" if fraction == "0" else fraction)).lstrip("0")
    point = len(whole) + int(exponent or 0)  # digits before the decimal point
    if whole == "0":
        point -= len(fraction) - len(fraction.lstrip("0")) + 1
    return sign + _placed(digits.rstrip("0"), point)


def _placed(digits: str, point: int) -> str:
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    exponent = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "") + exponent
