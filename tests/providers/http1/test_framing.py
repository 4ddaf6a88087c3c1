"""Where a body ends, told from the headers alone."""

from __future__ import annotations

import httptools
import pytest

from providers.http1.framing import Chunks, Framing, framing_of

Headers = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    ("headers", "framing"),
    [
        ([], Framing()),
        ([(b"Content-Type", b"chunked"), (b"X-Length-Of-A", b"1")], Framing()),
        ([(b"CONTENT-LENGTH", b"12")], Framing(is_framed=True, has_body=True)),
        ([(b"content-length", b" 0\t")], Framing(is_framed=True)),
        ([(b"Content-Length", b"000")], Framing(is_framed=True)),
        ([(b"transfer-encoding", b"ChunkeD ")], Framing(is_framed=True, has_body=True)),
        ([(b"Transfer-Encoding", b"chunked\t")], Framing(is_framed=True, has_body=True, is_unseen=True)),
        (
            [(b"Transfer-Encoding", b"identity, chunked,")],
            Framing(is_framed=True, has_body=True, is_unseen=True),
        ),
        ([(b"Transfer-Encoding", b"identity")], Framing(has_body=True)),
        ([(b"Keep-Alive", b"timeout=5, max=9")], Framing(idle_seconds=5.0)),
        ([(b"Keep-Alive", b"timeout=999999999")], Framing(idle_seconds=3600.0)),
        ([(b"Keep-Alive", b"timeout=\xb2")], Framing()),
    ],
)
def test_what_headers_say(headers: Headers, framing: Framing) -> None:
    assert framing_of(headers) == framing


@pytest.mark.parametrize(
    "values",
    [
        [b"gzip"],
        [b"chunked", b"gzip"],
        [b"chunked, br"],
        [b"chunked;x"],
        [b"gzip, chunked"],
        [b"br", b"chunked"],
    ],
)
def test_codings_whose_end_cannot_be_told(values: list[bytes]) -> None:
    with pytest.raises(ValueError, match="transfer coding"):
        framing_of([(b"Transfer-Encoding", value) for value in values])


def test_chunks_in_any_split() -> None:
    whole = b"2\r\nok\r\n3;x=y\r\nand\r\n0\r\nTrailer: x\r\n\r\n"
    for size in (1, 2, 5, len(whole)):
        pieces: list[bytes] = []
        chunks = Chunks(pieces.append, lambda pieces=pieces: pieces.append(b"|"))
        for at in range(0, len(whole), size):
            chunks.feed(whole[at : at + size])
        assert b"".join(pieces) == b"okand|"
    with pytest.raises(httptools.HttpParserError):
        chunks.feed(b"zz")
