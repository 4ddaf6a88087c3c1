"""Reading compressed bodies that pass by, in any split, and never whole."""

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from providers.dialects import decoding, encodings
from providers.dialects.decoding import Garbled, TooMuch
from providers.dialects.encodings import codings, decoded, decoder, plain
from providers.dialects.types import Refused, WireAnswer

TEXT = b'{"usage":{"output_tokens":7}}' * 40


def raw_deflate(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-15)
    return made.compress(data) + made.flush()


MAKERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"br": brotli.compress,
    b"zstd": zstandard.compress,
}
ENCODED = {coding: make(TEXT) for coding, make in MAKERS.items()}
NESTED = {
    b"gzip, br": brotli.compress(gzip.compress(TEXT)),
    b"zstd,identity , x-gzip": gzip.compress(zstandard.compress(TEXT)),
    b"deflate": raw_deflate(TEXT),
    b"gzip": gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]) + b"\0\0",
    b"zstd": zstandard.compress(TEXT[:100]) + zstandard.compress(TEXT[100:]),
}
ALL = [*ENCODED.items(), *NESTED.items()]
NAMES = [f"{coding.decode()} {len(data)}" for coding, data in ALL]
ZEROS = b"\0" * (1 << 26)


@pytest.mark.parametrize(("coding", "data"), ALL, ids=NAMES)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_every_encoding_is_read_in_any_split(coding: bytes, data: bytes, size: int) -> None:
    reader = decoder(((b"content-encoding", coding.upper()),))
    assert reader is not None
    assert b"".join(reader.feed(data[at : at + size]) for at in range(0, len(data), size)) == TEXT
    assert not reader.is_over


@pytest.mark.parametrize("headers", [(), ((b"content-encoding", b"identity, "),)])
def test_plain_bytes_need_no_reader(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    assert decoder(headers) is None
    assert codings(headers) == ()


def test_repeated_headers_are_one_list() -> None:
    two = ((b"content-encoding", b"gzip"), (b"vary", b"a"), (b"content-encoding", b"BR"))
    assert codings(two) == (b"gzip", b"br")


@pytest.mark.parametrize("coding", [*ENCODED, b"snappy", b"gzip, gzip, gzip, gzip"])
def test_what_is_mislabelled_or_unknown_reads_as_nothing(coding: bytes) -> None:
    reader = decoder(((b"content-encoding", coding),))
    assert reader is not None
    assert reader.feed(b'{"plain": true}') == b""
    assert reader.feed(b"more") == b""
    assert reader.is_over


@pytest.mark.parametrize("coding", MAKERS)
def test_a_bomb_is_given_up_early(coding: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    layers = encodings.layers_of

    def watched(names: tuple[bytes, ...], sink: decoding.Sink) -> object:
        def see(piece: bytes) -> None:
            seen.append(len(piece))
            sink(piece)

        return layers(names, see)

    monkeypatch.setattr(encodings, "layers_of", watched)
    reader = decoder(((b"content-encoding", coding),))
    assert reader is not None
    assert reader.feed(MAKERS[coding](ZEROS)) == b""
    assert reader.is_over
    assert sum(seen) <= encodings.MAX_STEP_BYTES + decoding.PIECE_BYTES * 4
    assert max(seen) <= decoding.PIECE_BYTES * 4


def test_a_bomb_inside_another_is_one() -> None:
    reader = decoder(((b"content-encoding", b"gzip, gzip"),))
    assert reader is not None
    assert reader.feed(gzip.compress(gzip.compress(ZEROS))) == b""
    assert reader.is_over


def test_what_is_large_but_honest_is_read_on() -> None:
    reader = decoder(((b"content-encoding", b"gzip"),))
    assert reader is not None
    noise = b"".join(zlib.crc32(b"%d" % number).to_bytes(4, "big") for number in range(500_000))
    data = gzip.compress(noise)
    told = b"".join(reader.feed(data[at : at + 65536]) for at in range(0, len(data), 65536))
    assert told == noise


@pytest.mark.parametrize(("coding", "data"), ALL, ids=NAMES)
def test_a_whole_body(coding: bytes, data: bytes) -> None:
    names = codings(((b"content-encoding", coding),))
    assert decoded(names, data, len(TEXT)) == TEXT
    with pytest.raises(TooMuch):
        decoded(names, data, len(TEXT) - 1)
    for cut in (0, 1, len(data) // 2):
        with pytest.raises(Garbled):
            decoded(names, data[:cut], len(TEXT))
    with pytest.raises(Garbled):
        decoded(names, data + b"more", len(TEXT))


@pytest.mark.parametrize("coding", MAKERS)
def test_a_bomb_is_over_every_limit(coding: bytes) -> None:
    with pytest.raises(TooMuch):
        decoded([coding], MAKERS[coding](ZEROS), 1 << 20)


def test_a_whole_answer_without_its_coding() -> None:
    head = ((b"content-encoding", b"gzip"), (b"content-length", b"9"), (b"retry-after", b"7"))
    answer = WireAnswer(429, head, ENCODED[b"gzip"])
    assert plain(answer) == WireAnswer(429, ((b"retry-after", b"7"),), TEXT)
    lying = WireAnswer(429, head, TEXT)
    assert plain(lying) is lying
    unknown = WireAnswer(429, ((b"content-encoding", b"snappy"),), TEXT)
    assert plain(unknown) is unknown
    with pytest.raises(Refused):
        plain(answer, 10)
