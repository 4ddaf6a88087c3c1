"""Feed one transcript to something in every way that a network may cut it.

A transcript is a list of events `{"event": name or null, "data": object or text}`; `sse_bytes` writes it
with any line end. `assert_same_however_cut` is the whole check.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

LINE_ENDS = (b"\n", b"\r\n", b"\r")
RANDOM_CUTS = 8
WIRE = Path(__file__).parent


class Feedable(Protocol):
    def feed(self, chunk: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


def cases(folder: str) -> dict[str, dict[str, Any]]:
    """Return the transcripts of `tests/wire/<folder>`, by file name without `.json`."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((WIRE / folder).glob("*.json"))}


def sse_bytes(events: Iterable[dict[str, Any]], line_end: bytes = b"\n") -> bytes:
    out = bytearray()
    for event in events:
        if event.get("event"):
            out += b"event: " + event["event"].encode() + line_end
        data = event["data"]
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        out += b"data: " + text.encode() + line_end + line_end
    return bytes(out)


_EVENT = re.compile(rb"(?s).+?(?:\r\n\r\n|\n\n|\r\r|\Z)")


def splits(data: bytes, seed: int = 7) -> Iterator[list[bytes]]:
    """Yield the whole, an event at a time, single bytes, and random cuts (empty chunks too)."""
    yield [data]
    yield _EVENT.findall(data)
    yield [data[at : at + 1] for at in range(len(data))]
    rng = random.Random(seed)
    for _ in range(RANDOM_CUTS):
        cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randint(1, 12)))
        yield [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def fed(
    translator: Feedable, chunks: Iterable[bytes], failed: Callable[[Exception], bytes] | None = None
) -> bytes:
    """Return everything that comes out.

    `failed` writes what an exception of `finish` becomes.
    """
    out = b"".join(translator.feed(chunk) for chunk in chunks)
    try:
        return out + translator.finish()
    except Exception as exc:
        if failed is None:
            raise
        return out + failed(exc)


def assert_same_however_cut(
    make: Callable[[], Feedable],
    events: list[dict[str, Any]],
    failed: Callable[[Feedable, Exception], bytes] | None = None,
) -> bytes:
    """Return the output, after checking that no cut and no line end changes a byte of it."""
    expected: bytes | None = None
    for line_end in LINE_ENDS:
        for chunks in splits(sse_bytes(events, line_end)):
            translator = make()
            on_failure = (lambda exc, it=translator: failed(it, exc)) if failed is not None else None
            out = fed(translator, chunks, on_failure)
            if expected is None:
                expected = out
            assert out == expected, (line_end, len(chunks))
    assert expected is not None
    return expected


def parsed(out: bytes) -> list[tuple[str | None, Any]]:
    """Parse written events back to `(name, JSON data)`, `[DONE]` as text; comments are left out."""
    events = []
    for block in out.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if not lines:
            continue
        name = next((line[7:] for line in lines if line.startswith("event: ")), None)
        (data,) = [line[6:] for line in lines if line.startswith("data: ")]
        events.append((name, data if data == "[DONE]" else json.loads(data)))
    return events
