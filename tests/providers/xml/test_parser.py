"""Calls in text: split anywhere, broken, beside text, and what only looks like one."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.xml.parser import CLOSE, OPEN, CallParser, Piece, ToolCall

NAMES = frozenset(("get", "put"))


def written(name: str, arguments: object) -> str:
    return f"{OPEN}{json.dumps({'name': name, 'arguments': arguments})}{CLOSE}"


def read(*chunks: str) -> list[Piece]:
    parser = CallParser(NAMES)
    pieces = [piece for chunk in chunks for piece in parser.feed(chunk)] + parser.flush()
    joined: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


GET = ToolCall("get", {"q": "a</tool_call>b"})


def test_parallel_calls_with_text_around() -> None:
    text = f"Let me see.\n{written('get', GET.arguments)}\n {written('put', {})}\n"
    assert read(text) == ["Let me see.\n", GET, ToolCall("put", {})]
    assert read(f"\n\n{written('put', {})} done") == [ToolCall("put", {}), " done"]


@pytest.mark.parametrize(
    "text",
    [
        "", " \n", "no call <", "a < b <tool", OPEN, f"{OPEN}{{", f"{OPEN}hello{CLOSE}", f"{OPEN}{{}}{CLOSE}",
        f'{OPEN}{{"name": "get"}}{CLOSE}', f'{OPEN}{{"name": "get", "arguments": "x"}}{CLOSE}',
        f'{OPEN}{{"name": "other", "arguments": {{}}}}{CLOSE}', f'{OPEN}{{"name": "get", "arguments": {{}}}}',
        f'{OPEN}{{"name": "get", "arguments": {{}}}} x{CLOSE}', f"{OPEN}[1]{CLOSE}", f"{CLOSE} {OPEN}",
        f'{OPEN}{{"name": "get, {CLOSE}', "<tool_calls>", f"{OPEN}{{broken}}{CLOSE} and on",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_call_stays_letter_for_letter(text: str) -> None:
    for chunks in ((text,), tuple(text)):
        assert "".join(piece for piece in read(*chunks) if isinstance(piece, str)) == text
        assert not any(isinstance(piece, ToolCall) for piece in read(*chunks))


def test_a_call_after_a_broken_one_counts() -> None:
    assert read(f"{OPEN}oops {written('put', {})}") == [f"{OPEN}oops ", ToolCall("put", {})]


def test_text_is_held_only_while_it_may_be_a_call() -> None:
    parser = CallParser(NAMES)
    assert parser.feed("hello ") == ["hello "]
    assert parser.feed("a <tool_") == ["a "]
    assert parser.is_holding
    assert parser.feed("box>") == ["<tool_box>"]
    assert not parser.is_holding
    assert parser.feed(OPEN + "x") == [OPEN + "x"]


PARTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from((OPEN, CLOSE, "<tool_", "{", '"', "\\", " ", "\n", '{"name": "get", "arguments": ')),
    st.builds(
        written,
        st.sampled_from(("get", "put", "other")),
        st.dictionaries(st.text(max_size=4), st.text(max_size=6) | st.just(CLOSE), max_size=2),
    ),
)


@given(st.lists(PARTS, max_size=8), st.lists(st.integers(0, 400), max_size=8))
def test_no_split_changes_what_is_read(parts: list[str], cuts: list[int]) -> None:
    text = "".join(parts)
    places = sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})
    chunks = [text[start:end] for start, end in itertools.pairwise(places)]
    assert read(*chunks) == read(*text) == read(text)


@given(st.text(alphabet='<tool_ca/>{}" \n', max_size=60))
def test_without_a_call_every_letter_stays(text: str) -> None:
    assert "".join(map(str, read(text))) == text
