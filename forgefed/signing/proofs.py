"""Proofs inside documents: FEP-8b32, cryptosuite `eddsa-jcs-2022`. Pure.

https://codeberg.org/fediverse/fep/src/branch/main/fep/8b32/fep-8b32.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from forgefed.errors import BadKey, BadSignature
from forgefed.signing.canonical import canonical
from forgefed.signing.multikey import base58, from_base58, sign, verify

SUITE, PURPOSE, KIND = "eddsa-jcs-2022", "assertionMethod", "DataIntegrityProof"

Document = Mapping[str, object]


def find(document: Document) -> Document | None:
    """Return the document's proof of this kind, if it has one. Raises `BadSignature` for several."""
    given = document.get("proof")
    proofs = [one for one in (given if isinstance(given, list) else [given]) if isinstance(one, dict)]
    ours = [one for one in proofs if one.get("type") == KIND and one.get("cryptosuite") == SUITE]
    if len(ours) > 1:
        raise BadSignature("more than one proof")
    return ours[0] if ours else None


def method_of(proof: Document) -> str:
    """Return the id of the key that made the proof. Raises `BadSignature`."""
    method = proof.get("verificationMethod")
    if not isinstance(method, str) or proof.get("proofPurpose") != PURPOSE:
        raise BadSignature("the proof names no key, or is for another purpose")
    return method


def created_at(proof: Document) -> float:
    """Return when the proof was made, in Unix seconds. Raises `BadSignature`."""
    created = proof.get("created")
    try:
        moment = datetime.fromisoformat(created) if isinstance(created, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise BadSignature("the proof does not say when it was made")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def check(document: Document, proof: Document, key: Ed25519PublicKey) -> None:
    """Raise `BadSignature` unless the proof is that key's for this document."""
    context = proof.get("@context")
    if context is not None and not _begins_with(document.get("@context"), context):
        raise BadSignature("the proof has another context than the document")
    value = proof.get("proofValue")
    if not isinstance(value, str) or not value.startswith("z"):
        raise BadSignature("the proof has no value in base58btc")
    try:
        signature = from_base58(value[1:])
    except BadKey as exc:
        raise BadSignature("the proof has no value in base58btc") from exc
    verify(key, signature, _hashed(document, proof))


def add(document: Document, key: Ed25519PrivateKey, method: str, created: str) -> dict[str, object]:
    """Return the document with a proof."""
    proof: dict[str, object] = {
        "type": KIND,
        "cryptosuite": SUITE,
        "created": created,
        "verificationMethod": method,
        "proofPurpose": PURPOSE,
    }
    if "@context" in document:
        proof["@context"] = document["@context"]
    proof["proofValue"] = "z" + base58(sign(key, _hashed(document, proof)))
    return {**document, "proof": proof}


def _hashed(document: Document, proof: Document) -> bytes:
    config = {name: value for name, value in proof.items() if name != "proofValue"}
    plain = {name: value for name, value in document.items() if name not in ("proof", "signature")}
    return _hash(config) + _hash(plain)


def _hash(document: Document) -> bytes:
    return hashlib.sha256(canonical(document).encode()).digest()


def _begins_with(whole: object, start: object) -> bool:
    """Compare contexts as lists: one alone is a list of one."""
    many, first = (value if isinstance(value, list) else [value] for value in (whole, start))
    return many[: len(first)] == first
