"""RIPEMD-160 against its paper's examples and, where OpenSSL has it, against OpenSSL."""

from __future__ import annotations

import hashlib

import pytest

from providers.credentials import ripemd160

EXAMPLES = {
    b"": "9c1185a5c5e9fc54612808977ee8f548b2258d31",
    b"abc": "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
    b"message digest": "5d0689ef49d2fae572b881b123a85ffa21595f36",
    b"1234567890" * 8: "9b752e45573d4b39f4dbd3323cab82bf63326bfb",
}


@pytest.mark.parametrize(("data", "expected"), EXAMPLES.items(), ids=str)
def test_the_examples_of_its_paper(data: bytes, expected: str) -> None:
    assert ripemd160.digest(data).hex() == expected


@pytest.mark.skipif("ripemd160" not in hashlib.algorithms_available, reason="this OpenSSL has none")
def test_every_length_around_the_block_is_openssl_s() -> None:
    for size in range(140):
        data = bytes(range(size))
        assert ripemd160.digest(data) == hashlib.new("ripemd160", data).digest()
