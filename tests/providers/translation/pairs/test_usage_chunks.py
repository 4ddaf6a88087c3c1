from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.translation.pairs.usage_chunks import MAX_HELD_BYTES, UsageChunkFilter

EVENTS = {
    b'data: {"choices":[{}],"usage":null}': True,
    b"data: [DONE]": True,
    b": comment": True,
    b'data:{"choices":[],"usage" : {"a":1}}': False,
    b'data:{"choices":[{"index":0,"delta":{}}],"usage" : {"a":1}}': False,
    b'data:{"choices":[{"index":0,"delta":{"role":"assistant"}}],"usage" : {"a":1}}': True,
    b'event: x\ndata: {"choices":[],"usage":{"a":1}}': False,
}


@settings(deadline=None)
@given(st.data())
def test_the_filter_takes_out_usage_chunks_and_nothing_else(data: st.DataObject) -> None:
    stream = expected = b""
    ends = st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r"])
    for event in data.draw(st.lists(st.sampled_from(sorted(EVENTS)), max_size=6)):
        whole = event + data.draw(ends)
        stream += whole
        expected += whole if EVENTS[event] else b""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    filtering = UsageChunkFilter()
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert b"".join(filtering.feed(chunk) for chunk in chunks) + filtering.flush() == expected


def test_a_large_event_does_not_wait_to_be_searched_again() -> None:
    """A picture of some megabytes came to a minute: all that waited was searched with each piece of it."""
    hiding = UsageChunkFilter()
    pieces = [b'data: {"images":["', *[b"QUJD" * 16384] * 40, b'"],"usage":{"a":1}}\n\n']
    told = []
    for piece in pieces:
        told.append(hiding.feed(piece))
        assert len(b"".join(pieces[: len(told)])) - len(b"".join(told)) <= MAX_HELD_BYTES
    assert b"".join(told) + hiding.flush() == b"".join(pieces)
    hidden = b'data: {"choices":[],"usage":{"a":1}}\n\n'
    assert hiding.feed(hidden) == b""
