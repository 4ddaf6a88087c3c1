"""HTTP signatures as most servers speak them: draft-cavage-http-signatures-12. Pure.

https://datatracker.ietf.org/doc/html/draft-cavage-http-signatures-12
"""

from __future__ import annotations

import base64
import re
from email.utils import formatdate, parsedate_to_datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from forgefed.errors import BadSignature
from forgefed.signing.messages import Message, Signature, Window, check_digest, decoded, digest_of
from forgefed.signing.multikey import PrivateKey, sign
from gateway.kernel.egress import host_header

SCHEME = "cavage"
PARAMETER = re.compile(r'\s*([A-Za-z]+)\s*=\s*(?:"([^"]*)"|(-?\d+(?:\.\d+)?))\s*(?:,|$)')
MANDATORY = ("(request-target)", "host", "date")
ALGORITHMS = frozenset(("", "hs2019", "rsa-sha256", "ed25519"))
LONGEST_HEADER = 8192


def headers_of(message: Message, key: PrivateKey, key_id: str, now: float) -> list[tuple[str, str]]:
    """Return the headers that sign a request: `date`, `digest` where there is a body, and `signature`."""
    fresh = [("date", formatdate(now, usegmt=True))]
    if message.has_body:
        fresh.append(("digest", f"SHA-256={digest_of(message.body)}"))
    names = ["(request-target)", "host", *(name for name, _ in fresh)]
    whole = Message(
        message.method, message.url, (("host", host_header(message.url)), *fresh, *message.headers)
    )
    value = base64.b64encode(sign(key, _base(whole, names, {}))).decode()
    algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "hs2019"
    fresh.append(
        (
            "signature",
            f'keyId="{key_id}",algorithm="{algorithm}",headers="{" ".join(names)}",signature="{value}"',
        )
    )
    return fresh


def read(message: Message, window: Window) -> Signature:
    """Read and check everything but the key. Raises `BadSignature`."""
    given = _parameters(message.needed("signature"))
    algorithm = given.get("algorithm", "").lower()
    if algorithm not in ALGORITHMS:
        raise BadSignature("an algorithm that is not used here")
    names = given.get("headers", "date").lower().split()
    if len(set(names)) != len(names):
        raise BadSignature("a header is signed twice")
    mandatory = (*MANDATORY, "digest") if message.has_body else MANDATORY
    if missing := [name for name in mandatory if name not in names]:
        raise BadSignature(f"not signed: {' '.join(missing)}")
    _check_times(message, given, names, algorithm, window)
    if message.has_body:
        check_digest(message.needed("digest"), message.body)
    key_id, value = given.get("keyId", ""), given.get("signature", "")
    if not key_id or not value:
        raise BadSignature("keyId and signature are required")
    return Signature(SCHEME, key_id, _base(message, names, given), decoded(value), algorithm)


def _parameters(header: str) -> dict[str, str]:
    """Read `name="value"` and `name=1`, separated by commas; a value may hold one."""
    if len(header) > LONGEST_HEADER:
        raise BadSignature("the signature header is too long")
    found: dict[str, str] = {}
    at = 0
    while at < len(header):
        match = PARAMETER.match(header, at)
        if match is None:
            raise BadSignature("the signature header can't be read")
        if match[1] in found:
            raise BadSignature(f"{match[1]} stands twice in the signature header")
        found[match[1]] = match[3] if match[2] is None else match[2]
        at = match.end()
    return found


def _check_times(
    message: Message, given: dict[str, str], names: list[str], algorithm: str, window: Window
) -> None:
    try:
        date = parsedate_to_datetime(message.needed("date")).timestamp()
    except ValueError as exc:
        raise BadSignature("date is no date") from exc
    window.check(date, "date")
    for name in ("created", "expires"):
        if f"({name})" in names and (algorithm not in ("", "hs2019") or name not in given):
            raise BadSignature(f"({name}) is signed, which goes with hs2019 and the parameter {name}")
    try:
        if "created" in given:
            window.check(float(given["created"]), "created")
        if "expires" in given:
            window.check_end(float(given["expires"]))
    except ValueError as exc:
        raise BadSignature("created and expires are Unix seconds") from exc


def _base(message: Message, names: list[str], given: dict[str, str]) -> bytes:
    lines = []
    for name in names:
        if name == "(request-target)":
            value = f"{message.method.lower()} {message.target}"
        elif name in ("(created)", "(expires)"):
            value = given[name[1:-1]]
        else:
            value = message.needed(name)
        lines.append(f"{name}: {value}")
    return "\n".join(lines).encode()
