"""Reading compressed bodies that pass by, in any split."""

import gzip
import zlib

import brotli
import pytest
import zstandard

from providers.dialects.encodings import decoder

TEXT = b'{"usage":{"output_tokens":7}}' * 40
ENCODED = {
    b"gzip": gzip.compress(TEXT),
    b"deflate": zlib.compress(TEXT),
    b"br": brotli.compress(TEXT),
    b"zstd": zstandard.compress(TEXT),
}


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_every_encoding_is_read_in_any_split(encoding: bytes, size: int) -> None:
    reader = decoder(((b"content-encoding", encoding.upper()),))
    assert reader is not None
    data = ENCODED[encoding]
    assert b"".join(reader.feed(data[at : at + size]) for at in range(0, len(data), size)) == TEXT


@pytest.mark.parametrize("headers", [(), ((b"content-encoding", b"identity"),)])
def test_plain_bytes_need_no_reader(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    assert decoder(headers) is None


@pytest.mark.parametrize("encoding", [*ENCODED, b"snappy"])
def test_what_is_mislabelled_or_unknown_reads_as_nothing(encoding: bytes) -> None:
    reader = decoder(((b"content-encoding", encoding),))
    assert reader is not None
    assert reader.feed(b'{"plain": true}') == b""
    assert reader.feed(b"more") == b""
