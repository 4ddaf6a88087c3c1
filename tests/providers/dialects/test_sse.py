from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects import sse
from providers.dialects.types import FailureKind, Refused
from tests.wire.feeding import LINE_ENDS, splits

STREAM = (
    'event: message_start\ndata: {"text": "grüße 🦊"}\n\n'
    ": a comment\n\n"
    "data:no space\n\n"
    "data: two\ndata: lines\ndata\n\n"
    "event: no data\n\n"
    "\n\nid: 7\nevent:last\nretry: 3\ndata: [DONE]\n\n"
).encode()
EVENTS = [
    (b"message_start", '{"text": "grüße 🦊"}'.encode()),
    (b"", b"no space"),
    (b"", b"two\nlines\n"),
    (b"last", b"[DONE]"),
]


def read(chunks: list[bytes]) -> list[sse.Event]:
    reader = sse.SseReader()
    return [event for chunk in chunks for event in reader.feed(chunk)]


@pytest.mark.parametrize("line_end", LINE_ENDS)
def test_every_cut_and_line_end_gives_the_same_events(line_end: bytes) -> None:
    data = STREAM.replace(b"\n", line_end)
    for chunks in splits(data):
        assert read(chunks) == EVENTS
    for at in range(len(data)):
        assert read([data[:at], data[at:]]) == EVENTS


@given(
    st.lists(st.tuples(st.text("ab: é", max_size=5), st.text("xy :\né{}", max_size=9)), max_size=6), st.data()
)
def test_what_is_written_is_read(pairs: list[tuple[str, str]], data: st.DataObject) -> None:
    wire = b""
    for name, text in pairs:
        body = text.encode().replace(b"\n", b"\ndata: ")
        wire += sse.event(name.encode(), body) if name else sse.data(body)
    at = data.draw(st.integers(0, len(wire)))
    assert read([wire[:at], wire[at:]]) == [(name.encode(), text.encode()) for name, text in pairs]


def test_a_bare_carriage_return_does_not_wait_for_the_next_byte() -> None:
    assert read([b"data: 1\r\r"]) == [(b"", b"1")]


def test_a_byte_order_mark_is_skipped_at_the_start_only() -> None:
    assert read([b"\xef\xbb", b"\xbfdata: 1\n\ndata: \xef\xbb\xbf2\n\n"]) == [
        (b"", b"1"),
        (b"", b"\xef\xbb\xbf2"),
    ]


def test_an_event_that_never_ends_is_refused() -> None:
    reader = sse.SseReader(max_event_bytes=100)
    with pytest.raises(Refused) as refused:
        for _ in range(20):
            reader.feed(b"data: 0123")
    assert refused.value.failure.kind is FailureKind.UPSTREAM
    reader = sse.SseReader(max_event_bytes=100)
    with pytest.raises(Refused):
        reader.feed(b"data: 1\n\n" + b"x" * 101)


def test_many_small_chunks_of_a_large_event_take_linear_time() -> None:
    reader = sse.SseReader()
    for _ in range(200_000):
        reader.feed(b"x" * 40)  # quadratic copying would take minutes
    assert not reader.is_at_boundary


def test_the_boundary_is_known() -> None:
    reader = sse.SseReader()
    assert reader.is_at_boundary
    reader.feed(b"data: 1\n")
    assert not reader.is_at_boundary
    reader.feed(b"\n")
    assert reader.is_at_boundary
    reader.feed(b"\n")
    assert reader.is_at_boundary
    reader.feed(b"d")
    assert not reader.is_at_boundary


def test_flush_gives_an_event_that_lacks_only_its_blank_line() -> None:
    reader = sse.SseReader()
    assert reader.feed(b"data: 1\n\ndata: [DONE]") == [(b"", b"1")]
    assert reader.flush() == [(b"", b"[DONE]")]
    assert reader.flush() == []


DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n'
BEGINNING = b"event: content_block_delta\n"


@pytest.mark.parametrize(
    "chunk",
    [
        DELTA * 2,
        DELTA[:-1],
        DELTA[:-2] + b"\r\rdata: hidden\n\n",
        b"event: message_stop\ndata: {}\n\n",
        b"event: content_block_delta\ndata: {}\ndata: {}\n\n",
    ],
)
def test_what_is_more_or_less_than_one_event_must_be_read(chunk: bytes) -> None:
    assert sse.SseReader().is_one(DELTA, BEGINNING)
    assert not sse.SseReader().is_one(chunk, BEGINNING)


@pytest.mark.parametrize("before", [b"event: mess", b"data: 1\r"])
def test_one_event_is_only_one_between_two(before: bytes) -> None:
    reader = sse.SseReader()
    reader.feed(before)
    assert not reader.is_one(DELTA, BEGINNING)


LINE = b'data: {"a": 1}\n\n'


@pytest.mark.parametrize(
    "chunk",
    [
        LINE * 2,
        LINE[:-1],
        b"data: [DONE]\n\n",
        b'data: {"a":\ndata: 1}\n\n',
        b'data: {"a": 1}\rdata: 2\n\n',
        DELTA,
        b"",
    ],
)
def test_a_line_is_one_event_of_one_line_that_is_an_object(chunk: bytes) -> None:
    assert sse.SseReader().is_line(LINE)
    assert not sse.SseReader().is_line(chunk)


@pytest.mark.parametrize("before", [b"data: {", b"data: {}\r"])
def test_a_line_is_only_one_between_two_events(before: bytes) -> None:
    reader = sse.SseReader()
    reader.feed(before)
    assert not reader.is_line(LINE)


def test_json_that_stands_bare_is_told_apart() -> None:
    for line_end in LINE_ENDS:
        data = b'data: {"a": 1}\n{"error": "x"}\n\n: note\n\n{\n "error": "y"\n}\n\nerror: z\n\n'
        for chunks in splits(data.replace(b"\n", line_end)):
            assert read(chunks) == [
                (b"", b'{"a": 1}'),
                (sse.BARE, b'{"error": "x"}'),
                (sse.BARE, b'{\n "error": "y"\n}'),
            ]


@pytest.mark.parametrize("pieces", [(b'{"a": 1}\n\n\n',), (b'{"a": 1}\n\n', b"\n"), (b'{"a": 1}\n', b"\n\n")])
def test_bare_json_is_the_same_however_it_is_cut(pieces: tuple[bytes, ...]) -> None:
    reader = sse.SseReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    assert [*events, *reader.flush()] == [(sse.BARE, b'{"a": 1}')]


def test_what_is_peeked_at_stays() -> None:
    reader = sse.SseReader()
    reader.feed(b"data: 1\n\ndata: 2")
    assert reader.peek() == reader.peek() == [(b"", b"2")] and not reader.is_at_boundary
    assert reader.flush() == [(b"", b"2")] and reader.flush() == []
