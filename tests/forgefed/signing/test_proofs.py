"""FEP-8b32: the vector, what a change does, and which proofs count."""

from __future__ import annotations

import hashlib
from copy import deepcopy

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from forgefed.errors import BadSignature
from forgefed.signing import proofs
from forgefed.signing.canonical import canonical
from tests.forgefed.signing.keys import ED25519

METHOD = "https://router.example/actor/code#ed25519-key"
DOCUMENT = {
    "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/data-integrity/v1"],
    "id": "https://router.example/activities/1",
    "type": "Follow",
    "actor": "https://router.example/actor/code",
    "object": "https://tracker.example/actor",
}
VALUE = "zVoABnKhLdaqPWiBdgndfmGe2gJAwTQMzA62Vu2cFyQTPtRSVhdcWNKF7jqJcHdgeghsA2qxtnNLWsDdpPAy7wLH"


def proven(**changes: object) -> dict:
    document = deepcopy(proofs.add(DOCUMENT, ED25519, METHOD, "2026-01-01T00:00:00Z"))
    document.update(changes)
    return document


def check(document: dict, key: Ed25519PrivateKey = ED25519) -> None:
    proof = proofs.find(document)
    assert proof is not None
    proofs.check(document, proof, key.public_key())


def test_the_vector():
    document = proven()
    assert hashlib.sha256(canonical(DOCUMENT).encode()).hexdigest() == (
        "bc2e5a4cbcd98772c2bd6871639f5fea977de00a925d4c409c83f7fdbfe87d49"
    )
    config = {name: value for name, value in document["proof"].items() if name != "proofValue"}
    assert hashlib.sha256(canonical(config).encode()).hexdigest() == (
        "a3336844cfdaa7da193895d9971202677e598af3cd12b201a5728d52f864ec1e"
    )
    assert document["proof"]["proofValue"] == VALUE
    check(document)


def test_another_signature_in_the_document_does_not_count():
    check(proven(signature={"type": "RsaSignature2017"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "https://other.example/x"},
        {"more": 1},
        {"@context": ["https://www.w3.org/ns/activitystreams"]},
    ],
)
def test_a_changed_document_is_refused(changes: dict):
    with pytest.raises(BadSignature):
        check(proven(**changes))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("created", "2026-01-02T00:00:00Z"),
        ("proofValue", "z" + "1" * 64),
        ("proofValue", "uAAAA"),
        ("proofValue", "z0"),
        ("proofValue", 5),
        ("more", 1),
    ],
)
def test_a_changed_proof_is_refused(name: str, value: object):
    document = proven()
    document["proof"][name] = value
    with pytest.raises(BadSignature):
        check(document)


def test_another_key_does_not_do():
    with pytest.raises(BadSignature):
        check(proven(), Ed25519PrivateKey.generate())


def test_other_kinds_of_proof_are_none_and_two_are_too_many():
    assert proofs.find(DOCUMENT) is None
    assert proofs.find({"proof": {"type": "DataIntegrityProof", "cryptosuite": "ecdsa-jcs-2019"}}) is None
    assert proofs.find({"proof": "https://x.example/"}) is None
    one = proven()["proof"]
    assert proofs.find({"proof": [one, {"type": "Other"}]}) == one
    with pytest.raises(BadSignature):
        proofs.find({"proof": [one, one]})


@pytest.mark.parametrize(
    "proof", [{}, {"verificationMethod": 1}, {"verificationMethod": METHOD, "proofPurpose": "other"}]
)
def test_a_proof_names_its_key_and_purpose(proof: dict):
    with pytest.raises(BadSignature):
        proofs.method_of(proof)


def test_the_time_of_a_proof():
    assert proofs.created_at(proven()["proof"]) == 1767225600.0
    assert proofs.created_at({"created": "2026-01-01T01:00:00+01:00"}) == 1767225600.0
    assert proofs.created_at({"created": "2026-01-01T00:00:00"}) == 1767225600.0
    for created in (None, 5, "soon"):
        with pytest.raises(BadSignature):
            proofs.created_at({"created": created})
