"""The `la_sk_` format: a prefix, then an HS256 JWT, byte for byte as the Rust router writes and reads it.

Nothing here touches the database or the clock. What a refusal says stands in `tokens/jwt/reference_errors.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_encode

from tokens.errors import BadPrefix, InvalidToken
from tokens.jwt.reference_errors import Members, decode, kind, shown

PREFIX = "la_sk_"
MAX_SECRET_LENGTH = 16_384
"""Longer secrets are refused before any decoding; labels are capped so that ours stay far below."""

HEADER = b'{"typ":"JWT","alg":"HS256"}'
ALGORITHMS = (
    *("HS256", "HS384", "HS512", "ES256", "ES384", "RS256"),
    *("RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"),
)

_ENCODED_HEADER = base64url_encode(HEADER)
_HMAC = HMACAlgorithm(HMACAlgorithm.SHA256)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says about itself. Times are Unix seconds."""

    sub: str
    iat: int
    exp: int
    label: str = ""
    has_audience: bool = False


def sign(claims: Claims, key: bytes) -> str:
    """Sign the secret that a client presents. Same claims and key, same secret: HS256 is deterministic."""
    fields = {"sub": claims.sub, "iat": claims.iat, "exp": claims.exp, "label": claims.label}
    payload = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    message = _ENCODED_HEADER + b"." + base64url_encode(payload)
    # The raw bytes of the secret are the key, whatever they look like; `prepare_key` would refuse some.
    signature = _HMAC.sign(message, key)
    return PREFIX + (message + b"." + base64url_encode(signature)).decode("ascii")


def verify(secret: str, key: bytes) -> Claims:
    """Return the claims of a secret whose signature holds.

    Expiry and audience are left to the caller, who knows the time. Raises BadPrefix or InvalidToken; costs
    no crypto for what can't be a token.
    """
    if not secret.startswith(PREFIX):
        raise BadPrefix
    if len(secret) > MAX_SECRET_LENGTH:
        raise InvalidToken("InvalidToken")
    parts = secret[len(PREFIX) :].rsplit(".", 2)
    if len(parts) != 3:
        raise InvalidToken("InvalidToken")
    header, payload, signature = parts
    _check_header(decode(header))
    _check_signature(f"{header}.{payload}", signature, key)
    claims = _read_claims(decode(payload))
    if claims.exp < 0:
        raise InvalidToken("Missing required claim: exp")
    return claims


def looks_like_ours(secret: str) -> bool:
    """Prefix and three parts: enough to choose between two headers, no proof of anything."""
    return secret.startswith(PREFIX) and secret.count(".") == 2


def _check_header(raw: bytes) -> None:
    members = Members(raw)
    members.require_once(("typ", "alg", "kid", "cty"))
    if "alg" not in members.found:
        raise members.missing("alg")
    value, end = members.found["alg"]
    if not isinstance(value, str) or value not in ALGORITHMS:
        known = ", ".join(f"`{name}`" for name in ALGORITHMS)
        told = shown(value[:32]) if isinstance(value, str) else kind(value)[:32]
        raise members.error(f"unknown variant `{told}`, expected one of {known}", end)
    if value != "HS256":
        raise InvalidToken("InvalidAlgorithm")
    if "crit" in members.found:  # extensions that must be understood: none is
        raise InvalidToken("InvalidToken")


def _check_signature(message: str, signature: str, key: bytes) -> None:
    try:
        given = decode(signature)
        signed = message.encode("ascii")
    except (InvalidToken, UnicodeEncodeError):
        raise InvalidToken("InvalidSignature") from None
    if not _HMAC.verify(signed, key, given):
        raise InvalidToken("InvalidSignature")


def _read_claims(raw: bytes) -> Claims:
    members = Members(raw)
    members.require_once(("sub", "iat", "exp", "label"))
    sub = members.text("sub", default=None)
    iat, exp = members.integer("iat"), members.integer("exp")
    label = members.text("label", default="")
    audience = members.found.get("aud", (None, 0))[0]
    return Claims(sub, iat, exp, label, has_audience=audience is not None)
