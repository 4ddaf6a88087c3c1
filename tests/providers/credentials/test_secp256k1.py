"""Signatures of Gonka: recorded vectors, a second implementation, and the network's own client."""

from __future__ import annotations

import base64
import hashlib
import os
import random

import ecdsa
import httpx
import pytest
from ecdsa.util import sigencode_string_canonize

from gateway.kernel.redaction import redact
from providers.credentials.base import Draft
from providers.credentials.private_keys import ORDER
from providers.credentials.secp256k1 import Secp256k1, address_of, bech32, signer
from providers.upstream import Credential, CredentialKind
from tests.fakes.gonka_client import theirs

KEY = "11" * 32
NODE = "gonka12vfxp232rx0z9rzn0hay9jptagk8c86drpv2ae"  # of the key 22…22
MODEL = "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8"
BODY = b'{"model":"%b","messages":[{"role":"user","content":"ping"}]}' % MODEL.encode()
VECTORS = {
    (BODY, 1700000000123456789): (
        "xckDyibni1kK/e9IuK5zR5t+YaV29QMBt2T9FsTxxZw+Z69b08XP3x+lbP4NAlOIaxJhw8KwygKq9aMajBI5xg=="
    ),
    (BODY, 1700000000123456878): (  # r begins with a zero byte
        "AOdIQCoyahn/aLp1A0XPbZjCufK8Sx7WVi8+kfU4+Pcp73ttm/0U8VLfCT+U/541Ww3Kg3eBrPbEHIzGq70GHQ=="
    ),
    (b"", 1700000000123456789): (
        "3bVQMtU16UwpSDVgBBaumjfgvNyeaj/1SbJiXNlUm3kfuPcfLddNgOzCH+dD7WygNHIk4ISEPLeIMc809v4nmw=="
    ),
}
RANDOM_INPUTS = int(os.environ.get("GATEWAY_TEST_SIGNATURES", "500"))


@pytest.mark.parametrize(("asked", "signature"), VECTORS.items(), ids=["usual", "zero byte", "empty body"])
def test_the_vectors(asked: tuple[bytes, int], signature: str) -> None:
    body, nanoseconds = asked
    assert signer(KEY).sign(body, nanoseconds, NODE) == signature


def test_key_and_address() -> None:
    mine = signer(KEY)
    assert mine.public_key == "A081W9y3zAr3KO88zrlhXZBoS7Wyyl+FmrDwtwQHWHGq"
    assert mine.address == "gonka1l3e9pgs3mmwuwrh95fecme0s0qtn2880el49wm"
    assert signer("22" * 32).address == NODE
    assert address_of(base64.b64decode(mine.public_key)) == mine.address


def test_bech32_is_that_of_bitcoin() -> None:
    program = bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")
    assert bech32("abcdef", bytes.fromhex("00443214c74254b635cf84653a56d7c675be77df")).startswith(
        "abcdef1qpz"
    )
    assert bech32("bc", program) == "bc1w508d6qejxtdg4y5r3zarvary0c5xw7kj7gz7z"  # without the version


def test_it_is_in_no_representation_and_hidden_from_logs_in_every_form() -> None:
    key = hashlib.sha256(b"a key of this test").hexdigest()
    assert key not in repr(signer("0x" + key))
    for form in (key, key.upper(), "0x" + key):
        assert key not in redact(f"it is {form}.").lower()


@pytest.mark.long
def test_random_inputs_agree_with_another_implementation() -> None:
    """Signed alike byte for byte, and `s` is low."""
    chance = random.Random("gonka")
    for _ in range(max(1, RANDOM_INPUTS // 10)):
        number = chance.randrange(1, ORDER)
        key = ecdsa.SigningKey.from_secret_exponent(number, ecdsa.SECP256k1)
        mine = signer(f"{number:064x}")
        assert base64.b64decode(mine.public_key) == key.verifying_key.to_string("compressed")
        for _ in range(10):
            body, nanoseconds = chance.randbytes(chance.randrange(300)), chance.randrange(10**18, 10**19)
            node = mine.address if chance.random() < 0.5 else NODE
            digest = hashlib.sha256(
                (hashlib.sha256(body).hexdigest() + str(nanoseconds) + node).encode()
            ).digest()
            expected = key.sign_digest_deterministic(
                digest, hashlib.sha256, sigencode=sigencode_string_canonize
            )
            signature = base64.b64decode(mine.sign(body, nanoseconds, node))
            assert signature == expected
            assert int.from_bytes(signature[32:], "big") <= ORDER // 2


def test_the_network_s_own_client_signs_alike() -> None:
    client = theirs()
    chance = random.Random("theirs")
    for _ in range(50):
        key = f"{chance.randrange(1, ORDER):064x}"
        body, nanoseconds = chance.randbytes(100), chance.randrange(10**18, 10**19)
        assert client.gonka_address("0x" + key) == signer(key).address
        assert client.gonka_signature(body, key, nanoseconds, NODE) == signer(key).sign(
            body, nanoseconds, NODE
        )


def test_a_draft_gets_three_headers() -> None:
    draft = Draft("POST", httpx.URL("https://node.test"), b"/v1/chat/completions", [], BODY)
    Secp256k1(NODE).apply(draft, Credential(CredentialKind.API_KEY, KEY), 1700000000.25)
    (signature, address, time) = draft.headers
    nanoseconds = int(time[1])
    assert abs(nanoseconds - 1700000000250000000) < 1000 and len(time[1]) == 19
    assert signature == (b"authorization", signer(KEY).sign(BODY, nanoseconds, NODE).encode())
    assert address == (b"x-requester-address", signer(KEY).address.encode())
    assert time[0] == b"x-timestamp"
