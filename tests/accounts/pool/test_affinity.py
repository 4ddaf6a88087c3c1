"""Session affinity: the key of a conversation, and the account that it stays with."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.pool.affinity import Affinity, opening_hash, session_key
from providers.dialects.types import CallFields

NOW = 1_800_000_000.0
SYSTEM = [{"type": "text", "text": "You help.", "cache_control": {"type": "ephemeral"}}]


def turn(text: str, mark: bool = False) -> dict[str, object]:
    block: dict[str, object] = {"type": "text", "text": text}
    if mark:
        block["cache_control"] = {"type": "ephemeral", "ttl": "1h"}
    return {"role": "user", "content": [block]}


def body(*messages: object, **top: object) -> bytes:
    return json.dumps({**top, "messages": list(messages)}).encode()


def test_the_session_header_goes_first_then_the_fields_then_the_opening() -> None:
    fields = CallFields(user_id="user", prompt_cache_key="cache")
    headers = ((b"x-claude-code-session-id", b"session"), (b"x-claude-code-parent-agent-id", b"parent"))
    opening = body(turn("hi"))
    assert session_key(headers, fields, opening) == "session"
    assert session_key((), fields, opening) == "user"
    assert session_key((), CallFields(prompt_cache_key="cache"), opening) == "cache"
    assert session_key((), CallFields(), opening) == opening_hash(opening)
    assert session_key((), CallFields(), b"") is None


def test_the_opening_stays_the_same_as_the_conversation_grows() -> None:
    first = opening_hash(body(turn("hi", mark=True), system=SYSTEM))
    later = opening_hash(
        body(turn("hi"), {"role": "assistant", "content": "yes"}, turn("go", mark=True), system=SYSTEM)
    )
    assert first == later is not None


def test_other_systems_and_other_first_turns_are_other_conversations() -> None:
    hashes = {
        opening_hash(body(turn("hi"), system="a")),
        opening_hash(body(turn("hi"), system="b")),
        opening_hash(body(turn("ho"), system="a")),
        opening_hash(body(turn("hi"))),
    }
    assert len(hashes) == 4 and None not in hashes


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ({"input": "hi"}, {"input": "hi", "previous_response_id": "r"}),
        ({"instructions": "i", "input": [{"role": "user", "content": "hi"}]},
         {"instructions": "i", "input": [{"role": "user", "content": "hi"}, {"type": "function_call", "name": "f"}]}),
        ({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]},
         {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}, {"role": "assistant"}]}),
    ],
)  # fmt: skip
def test_openai_forms(first: object, later: object) -> None:
    assert opening_hash(json.dumps(first).encode()) == opening_hash(json.dumps(later).encode()) is not None


@pytest.mark.parametrize(
    "nothing", [b"", b"{}", b"[]", b"\xff", b'{"messages":1', b'{"messages":[}', b'{"system":null}']
)
def test_a_body_without_an_opening_names_nothing(nothing: bytes) -> None:
    assert opening_hash(nothing) is None


@given(st.binary(max_size=100))
def test_no_body_raises(data: bytes) -> None:
    opening_hash(data)


def test_idle_time_is_counted_from_the_last_use() -> None:
    sessions = Affinity(idle_seconds=100)
    sessions.bind(1, 7, NOW)
    for step in range(1, 20):
        assert sessions.find(1, NOW + 90 * step) == 7
    assert sessions.find(1, NOW + 90 * 19 + 101) is None


def test_the_least_recently_used_goes_first() -> None:
    sessions = Affinity(idle_seconds=100, max_entries=3)
    for key in (1, 2, 3):
        sessions.bind(key, key, NOW)
    sessions.find(1, NOW)
    sessions.bind(4, 4, NOW)
    assert [sessions.find(key, NOW) for key in (1, 2, 3, 4)] == [1, None, 3, 4]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5), st.floats(-1e6, 1e6)), max_size=200))
def test_it_is_bounded_and_never_answers_what_was_not_bound(uses: list[tuple[int, int, float]]) -> None:
    sessions, bound = Affinity(idle_seconds=1000, max_entries=10), {}
    for key, account, shift in uses:
        found = sessions.find(key, NOW + shift)
        assert found is None or found == bound[key]
        sessions.bind(key, account, NOW + shift)
        bound[key] = account
        assert len(sessions) <= 10


def test_a_conversation_is_the_same_however_the_client_writes_its_first_turn() -> None:
    user = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    sealed = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA"}
    ways = (
        {"input": "hi"},
        {"input": [{"role": "user", "content": "hi"}]},
        {"input": [user, sealed, {"role": "user", "content": "go on"}]},
        {"messages": [{"role": "user", "content": "hi"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {}}]}]},
    )
    hashes = {opening_hash(json.dumps(way).encode()) for way in ways}
    assert len(hashes) == 1 and None not in hashes
