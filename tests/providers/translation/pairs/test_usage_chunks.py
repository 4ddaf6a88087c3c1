from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.translation.pairs.usage_chunks import UsageChunkFilter

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
