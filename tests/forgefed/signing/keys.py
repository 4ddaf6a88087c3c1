"""Keys and a request that the tests of signatures share. The numbers are fixed, so that others can compute them."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from forgefed.signing.messages import Message, Window

ED25519 = Ed25519PrivateKey.from_private_bytes(b"\x33" * 32)
MULTIKEY = "z6Mkg49NtQR2LyYRDCQFK4w1VVHqhypZSSRo7HsyuN7SV7v5"
KEY_ID = "https://router.example/actor/code#main-key"
NEW_YEAR = 1767225600.0  # Thu, 01 Jan 2026 00:00:00 GMT
BODY = b'{"type":"Follow"}'
DIGEST = "GYwYnH3BiO6aICFt0ThC5bUIJ4byvqdpWtR8m5fNkww="
URL = "https://tracker.example/inbox/code"


@cache
def rsa_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def window(now: float = NEW_YEAR, seconds: float = 300.0) -> Window:
    return Window(now, seconds)


def request(*headers: tuple[str, str], body: bytes = BODY, method: str = "POST", url: str = URL) -> Message:
    return Message(method, url, (("host", "tracker.example"), *headers), body)
