"""Public keys as text: PEM, and Multikey (base58btc after a two-byte prefix). Pure.

https://www.w3.org/TR/cid-1.0/#Multikey
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from forgefed.errors import BadKey, BadSignature

PublicKey = RSAPublicKey | Ed25519PublicKey
PrivateKey = RSAPrivateKey | Ed25519PrivateKey

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ED25519_PREFIX = b"\xed\x01"
RSA_PREFIX = b"\x85\x24"
SMALLEST_RSA_BITS, LARGEST_RSA_BITS = 2048, 8192
LONGEST_TEXT = 8192


def base58(data: bytes) -> str:
    """Write bytes in base58btc."""
    number, digits = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        digits = ALPHABET[digit] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


def from_base58(text: str) -> bytes:
    """Read base58btc. Raises `BadKey`."""
    number = 0
    for letter in text[:LONGEST_TEXT]:
        digit = ALPHABET.find(letter)
        if digit < 0:
            raise BadKey("not base58btc")
        number = number * 58 + digit
    return b"\0" * (len(text) - len(text.lstrip("1"))) + number.to_bytes((number.bit_length() + 7) // 8)


def multikey(key: Ed25519PublicKey) -> str:
    """Write an Ed25519 key as `publicKeyMultibase`."""
    return "z" + base58(ED25519_PREFIX + key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def read_public(text: str) -> PublicKey:
    """Read a public key, PEM or multibase. Raises `BadKey`."""
    if len(text) > LONGEST_TEXT:
        raise BadKey("the key is too long")
    try:
        key = _from_multibase(text) if text.startswith("z") else load_pem_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise BadKey("the key can't be read") from exc
    if isinstance(key, RSAPublicKey):
        if not SMALLEST_RSA_BITS <= key.key_size <= LARGEST_RSA_BITS:
            raise BadKey(f"an RSA key has {SMALLEST_RSA_BITS} to {LARGEST_RSA_BITS} bits")
        return key
    if isinstance(key, Ed25519PublicKey):
        return key
    raise BadKey("neither an RSA key nor an Ed25519 key")


def _from_multibase(text: str) -> object:
    data = from_base58(text[1:])
    if data.startswith(ED25519_PREFIX):
        return Ed25519PublicKey.from_public_bytes(data[2:])
    if data.startswith(RSA_PREFIX):
        return load_der_public_key(data[2:])
    raise BadKey("a kind of key that is not used here")


def read_private(pem: str) -> RSAPrivateKey:
    """Read the operator's own RSA key, PKCS#8 or PKCS#1. Raises `BadKey`."""
    try:
        key = load_pem_private_key(pem.strip().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise BadKey("no private key in PEM form without a password") from exc
    if not isinstance(key, RSAPrivateKey) or not SMALLEST_RSA_BITS <= key.key_size <= LARGEST_RSA_BITS:
        raise BadKey(f"not an RSA key of {SMALLEST_RSA_BITS} to {LARGEST_RSA_BITS} bits")
    return key


def public_pem(key: PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def is_pair(public: str, private: str) -> bool:
    """Tell whether a public key in PEM form is the private one's. Raises `BadKey` for a bad private one."""
    own = public_pem(read_private(private).public_key()) if private else ""
    return "".join(own.split()) == "".join(public.split())


def sign(key: PrivateKey, data: bytes) -> bytes:
    """Sign with RSA PKCS#1 v1.5 over SHA-256, or Ed25519: the key decides."""
    return key.sign(data, PKCS1v15(), SHA256()) if isinstance(key, RSAPrivateKey) else key.sign(data)


def verify(key: PublicKey, signature: bytes, data: bytes) -> None:
    """Raise `BadSignature` unless the key made this signature."""
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, data, PKCS1v15(), SHA256())
        else:
            key.verify(signature, data)
    except InvalidSignature as exc:
        raise BadSignature("the signature does not verify") from exc
