from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from forgefed.errors import BadKey, BadSignature
from forgefed.signing import multikey
from tests.forgefed.signing.keys import ED25519, MULTIKEY, rsa_key


def pem(key, form: PrivateFormat) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def test_the_vector_of_a_multikey():
    public = ED25519.public_key()
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    assert raw == "17cb79fb2b4120f2b1ec65e4198d6e08b28e813feb01e4a400839b85e18080ce"
    assert multikey.multikey(public) == MULTIKEY
    assert multikey.read_public(MULTIKEY) == public


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\1", b"\xff" * 40, b"hello"])
def test_base58_comes_back(data: bytes):
    assert multikey.from_base58(multikey.base58(data)) == data


def test_base58_of_a_known_text():
    assert multikey.base58(b"Hello World!") == "2NEpo7TZRRrLZSi2U"


def test_keys_in_pem_form_come_back():
    for key in (rsa_key().public_key(), ED25519.public_key()):
        assert multikey.read_public(multikey.public_pem(key)) == key
    rsa_multibase = "z" + multikey.base58(
        multikey.RSA_PREFIX + rsa_key().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    )
    assert multikey.read_public(rsa_multibase) == rsa_key().public_key()


def test_the_operators_key_may_have_either_form():
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        read = multikey.read_private(pem(rsa_key(), form))
        assert read.private_numbers() == rsa_key().private_numbers()
    assert "PRIVATE KEY" in multikey.private_pem(ED25519)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "nonsense",
        pem(ED25519, PrivateFormat.PKCS8),
        pem(rsa.generate_private_key(65537, 1024), PrivateFormat.PKCS8),
    ],
)
def test_other_private_keys_are_refused_without_showing_them(bad: str):
    with pytest.raises(BadKey) as told:
        multikey.read_private(bad)
    assert bad not in str(told.value) or not bad


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "z",
        "z0",
        "zzzz",
        "z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",
        "x" * 9000,
        multikey.public_pem(rsa.generate_private_key(65537, 1024).public_key()),
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    ],
)
def test_other_public_keys_are_refused(bad: str):
    with pytest.raises(BadKey):
        multikey.read_public(bad)


@pytest.mark.parametrize("key", [ED25519, rsa_key()], ids=["ed25519", "rsa"])
def test_a_signature_is_its_keys_alone(key):
    signature = multikey.sign(key, b"said")
    multikey.verify(key.public_key(), signature, b"said")
    for other, said in (
        (key.public_key(), b"other"),
        (ed25519.Ed25519PrivateKey.generate().public_key(), b"said"),
    ):
        with pytest.raises(BadSignature):
            multikey.verify(other, signature, said)


def test_a_pair_is_told_whatever_its_line_ends():
    own = multikey.public_pem(rsa_key().public_key())
    private = pem(rsa_key(), PrivateFormat.PKCS8)
    assert multikey.is_pair(own, private)
    assert multikey.is_pair(own.replace("\n", "\r\n"), private)
    assert not multikey.is_pair(multikey.public_pem(ED25519.public_key()), private)
    assert not multikey.is_pair(own, "")
