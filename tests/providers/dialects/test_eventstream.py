from __future__ import annotations

import struct
import zlib

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects import eventstream
from providers.dialects.types import FailureKind, Refused
from tests.wire.feeding import splits

VECTOR_A = bytes.fromhex(
    "000000870000004b87ea2bf30b3a6576656e742d747970650700056368756e6b"
    "0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f"
    "6e0d3a6d6573736167652d747970650700056576656e747b226279746573223a"
    "2265794a306558426c496a6f696257567a6332466e5a56397a64473977496e30"
    "3d227dba48ab22"
)
VECTOR_B = bytes.fromhex(
    "00000090000000618e91a9b70f3a657863657074696f6e2d7479706507001374"
    "68726f74746c696e67457863657074696f6e0d3a636f6e74656e742d74797065"
    "0700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970"
    "65070009657863657074696f6e7b226d657373616765223a22546f6f206d616e"
    "79207265717565737473227de67f8005"
)


def test_vectors() -> None:
    assert eventstream.chunk(b'{"type":"message_stop"}') == VECTOR_A
    assert eventstream.exception("throttlingException", "Too many requests") == VECTOR_B


def test_frames_are_read_however_they_are_cut() -> None:
    expected = eventstream.FrameReader().feed(VECTOR_A + VECTOR_B)
    assert [frame.headers[b":message-type"] for frame in expected] == [b"event", b"exception"]
    assert expected[0].payload == b'{"bytes":"eyJ0eXBlIjoibWVzc2FnZV9zdG9wIn0="}'
    for chunks in splits(VECTOR_A + VECTOR_B):
        reader = eventstream.FrameReader()
        assert [frame for chunk in chunks for frame in reader.feed(chunk)] == expected
        assert reader.is_at_boundary


@given(
    st.dictionaries(st.binary(min_size=1, max_size=9), st.binary(max_size=9), max_size=3),
    st.binary(max_size=99),
)
def test_what_is_written_is_read(headers: dict[bytes, bytes], payload: bytes) -> None:
    frame = eventstream.encode(eventstream.encode_headers(headers.items()), payload)
    assert eventstream.FrameReader().feed(frame) == [eventstream.Frame(headers, payload)]


def test_the_vendors_own_reader_reads_ours() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.chunk(b"{}") + eventstream.exception("validationException", "ä"))
    first, second = list(buffer)
    assert first.headers[":event-type"] == "chunk"
    assert second.to_response_dict()["status_code"] == 400


def test_header_types_that_we_do_not_use_are_skipped() -> None:
    odd = b"".join(
        b"\x01" + name + bytes((kind,)) + value
        for name, kind, value in (
            (b"a", 0, b""),
            (b"b", 1, b""),
            (b"c", 2, b"\0"),
            (b"d", 3, b"\0" * 2),
            (b"e", 4, b"\0" * 4),
            (b"f", 5, b"\0" * 8),
            (b"g", 6, b"\0\x02hi"),
            (b"h", 8, b"\0" * 8),
            (b"i", 9, b"\0" * 16),
            (b"j", 7, b"\0\x01x"),
        )
    )
    (frame,) = eventstream.FrameReader().feed(eventstream.encode(odd, b"p"))
    assert frame == eventstream.Frame({b"g": b"hi", b"j": b"x"}, b"p")


def prelude(total: int, headers: int) -> bytes:
    lengths = struct.pack(">II", total, headers)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


@pytest.mark.parametrize(
    "data",
    [
        prelude(15, 0) + b"\0" * 4,
        prelude(20 * 1024 * 1024, 0) + b"\0" * 4,
        prelude(20, 9) + b"\0" * 8,
        VECTOR_A[:4] + b"\0\0\0\x4a" + VECTOR_A[8:],
        VECTOR_A[:-1] + b"\0",
        VECTOR_A[:40] + b"X" + VECTOR_A[41:],
        eventstream.encode(b"\x01a\x07\0", b""),
        eventstream.encode(b"\x01a\x07\0\x09x", b""),
        eventstream.encode(b"\x01a\x0a", b""),
        eventstream.encode(b"\x09a", b""),
    ],
)
def test_broken_frames_are_refused(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        eventstream.FrameReader().feed(data)
    assert refused.value.failure.kind is FailureKind.UPSTREAM


def test_beginnings_of_chunks_are_known_with_length_and_checksum_and_no_others() -> None:
    whole, start = eventstream.chunk(b'{"type":"message_stop"}'), eventstream.CHUNK_START
    known = eventstream.BEGINNINGS[whole[:start]]
    assert known == (len(whole), zlib.crc32(whole[:start])) and whole[:start] in eventstream.BEGINNINGS
    assert eventstream.FrameReader().feed(whole)[0].payload == whole[start:-4]
    for other in (
        whole[: start - 1],
        whole[:3] + bytes([whole[3] + 1]) + whole[4:start],  # its lengths' checksum
        eventstream.exception("throttlingException", "slow")[:start],
        b"",
    ):
        assert eventstream.BEGINNINGS[other] == eventstream.NO_CHUNK and other not in eventstream.BEGINNINGS


def test_of_beginnings_no_more_are_kept_than_so_many() -> None:
    for size in range(eventstream.KNOWN_BEGINNINGS + 5):
        assert eventstream.BEGINNINGS[eventstream.chunk(b"x" * 3 * size)[: eventstream.CHUNK_START]][0] > 0
    assert len(eventstream.BEGINNINGS) <= eventstream.KNOWN_BEGINNINGS
