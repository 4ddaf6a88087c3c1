"""The properties that are fuzzed, with the inputs that Hypothesis thinks of; longer by `make fuzz`."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, WORDS, answer

BRIEF = settings(max_examples=150, deadline=None)
LONG = settings(max_examples=2000, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def inputs(name: str) -> st.SearchStrategy[bytes]:
    """A first byte, then words that belong to the language, put together with some that do not."""
    words = st.one_of(st.sampled_from(WORDS[name]), st.sampled_from(WORDS[name]), st.binary(max_size=4))
    return st.builds(
        lambda number, parts: bytes([number]) + b"".join(parts),
        st.integers(0, 255),
        st.lists(words, max_size=14),
    )


def tried(name: str, how: settings) -> None:
    @how
    @given(data=inputs(name))
    def holds(data: bytes) -> None:
        TARGETS[name](data)

    holds()


def long_try(name: str) -> None:
    tried(name, LONG)


@pytest.mark.parametrize("name", list(TARGETS))
def test_it_holds(name: str) -> None:
    tried(name, BRIEF)


WHOLE = st.sampled_from(
    [
        (b"Content-Length: 4\r\n\r\nbody", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n", b""),
        (b"Transfer-Encoding: chunked\t\r\n\r\n4;x=y\r\nbody\r\n0\r\nTrailer: x\r\n\r\n", b""),
        (b"Content-Length: 4\r\n\r\nbody", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
        (b"Connection: close\r\n\r\nbody", b""),
    ]
)


@BRIEF
@given(interim=st.integers(0, 2), said=WHOLE, cuts=st.lists(st.integers(1, 200), max_size=8))
def test_an_answer_is_the_same_in_any_split(interim: int, said: tuple[bytes, bytes], cuts: list[int]) -> None:
    rest, behind = said
    whole = b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * interim + b"HTTP/1.1 200 OK\r\n" + rest + behind
    places = [0, *sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    pieces = [whole[at:end] for at, end in itertools.pairwise(places) if at < end]
    status, _, reason, body, ending = answer(pieces, is_head=False)
    assert (status, reason, body, ending) == (200, b"OK", b"body", "whole")


@BRIEF
@given(said=WHOLE, at=st.integers(0, 200))
def test_an_answer_that_is_cut_is_never_told_as_whole(said: tuple[bytes, bytes], at: int) -> None:
    whole = b"HTTP/1.1 200 OK\r\n" + said[0]
    if at >= len(whole) or b"close" in whole:  # what ends with its connection is whole wherever that ends
        return
    assert answer([whole[:at]] if at else [], is_head=False)[-1] != "whole"
