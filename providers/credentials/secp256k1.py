"""Gonka's request signatures: ECDSA over secp256k1, and the address that a key signs as.

Signed are the hash of the exact body, the time and the node's address, so every try is signed anew. Nonces are
those of RFC 6979, `s` is the lower of its two values; the curve itself is the library's matter.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.kernel.redaction import redact
from providers.credentials import ripemd160
from providers.credentials.base import Draft
from providers.credentials.private_keys import ORDER, parse
from providers.upstream import Credential

PREFIX = "gonka"
_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, ready to sign. `repr` shows whose it is, not what it is."""

    address: str
    public_key: str  # base64 of the compressed point, as it is published on the chain
    _key: ec.EllipticCurvePrivateKey = field(repr=False)

    def sign(self, body: bytes, nanoseconds: int, node: str) -> str:
        """Return the value of `Authorization` for these bytes, at this time, sent to this node."""
        digest = hashlib.sha256(f"{hashlib.sha256(body).hexdigest()}{nanoseconds}{node}".encode()).digest()
        how = ec.ECDSA(utils.Prehashed(hashes.SHA256()), deterministic_signing=True)
        r, s = utils.decode_dss_signature(self._key.sign(digest, how))
        low = min(s, ORDER - s)
        return base64.b64encode(r.to_bytes(32, "big") + low.to_bytes(32, "big")).decode()


@lru_cache(maxsize=256)
def signer(text: str) -> Signer:
    """Return what signs with a private key. Raises `BadPrivateKey`."""
    number = parse(text)
    for form in (f"{number:064x}", f"{number:064X}"):
        redact.learn(form)
    key = ec.derive_private_key(number, ec.SECP256K1())
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return Signer(address_of(point), base64.b64encode(point).decode(), key)


def address_of(point: bytes) -> str:
    """Return the address of a compressed public key."""
    return bech32(PREFIX, ripemd160.digest(hashlib.sha256(point).digest()))


def bech32(prefix: str, payload: bytes) -> str:
    """Return bytes as BIP 173 writes them; their bits are a multiple of five."""
    bits, count = int.from_bytes(payload, "big"), len(payload) * 8 // 5
    words = [bits >> 5 * place & 31 for place in reversed(range(count))]
    spread = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    checked = _polymod([*spread, *words, *[0] * 6]) ^ 1
    words += [checked >> 5 * place & 31 for place in reversed(range(6))]
    return f"{prefix}1" + "".join(_LETTERS[word] for word in words)


def _polymod(words: list[int]) -> int:
    checked = 1
    for word in words:
        top, checked = checked >> 25, (checked & 0x1FFFFFF) << 5 ^ word
        for place, generator in enumerate(_GENERATOR):
            if top >> place & 1:
                checked ^= generator
    return checked


class Secp256k1:
    """Signs a draft for one node."""

    def __init__(self, node: str) -> None:
        self._node = node

    def apply(self, draft: Draft, credential: Credential, now: float) -> None:
        """Add signature, address and time. Raises `BadPrivateKey`."""
        mine = signer(credential.secret)
        nanoseconds = int(now * 1_000_000_000)
        draft.headers += [
            (b"authorization", mine.sign(draft.body, nanoseconds, self._node).encode()),
            (b"x-requester-address", mine.address.encode()),
            (b"x-timestamp", str(nanoseconds).encode()),
        ]
