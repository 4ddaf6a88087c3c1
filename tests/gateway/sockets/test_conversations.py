from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.sockets.conversations import MOST, Conversations
from providers.dialects.openai_socket import Create
from providers.dialects.types import Refused

CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "id": "fc_1"}


def create(given: Any, previous: str | None = None, stored: bool = False, generated: bool = True) -> Create:
    body: dict[str, Any] = {"model": "m", "input": given, "stream": True}
    if previous is not None:
        body["previous_response_id"] = previous
    return Create(json.dumps(body).encode(), previous, stored, generated)


def response(name: str, *output: Any) -> bytes:
    return json.dumps({"id": name, "output": list(output)}).encode()


def turn(kept: Conversations, asked: Create, name: str, *output: Any) -> Any:
    """Ask and answer once; return the body that went."""
    body = kept.body_of(asked)
    kept.keep(asked, body, response(name, *output))
    return json.loads(body)


def roles(body: Any) -> list[str]:
    return [item.get("role") or item["type"] for item in body["input"]]


def test_a_response_that_is_not_stored_is_continued() -> None:
    kept = Conversations(1 << 20)
    turn(kept, create("hi"), "resp_1", CALL)
    second = create([{"type": "function_call_output", "call_id": "c1", "output": "x"}], "resp_1")
    assert kept.continues(second) == "resp_1"
    assert roles(turn(kept, second, "resp_2")) == ["user", "function_call", "function_call_output"]
    assert "previous_response_id" not in json.loads(kept.body_of(create("more", "resp_2")))


def test_a_stored_one_is_found_by_whoever_stores_it() -> None:
    kept = Conversations(1 << 20)
    turn(kept, create("hi", stored=True), "resp_1")
    later = create("more", "resp_1")
    assert kept.continues(later) is None
    assert json.loads(kept.body_of(later))["previous_response_id"] == "resp_1"


def test_one_that_goes_on_from_a_stored_one_leads_back_to_it() -> None:
    kept = Conversations(1 << 20)
    turn(kept, create("more", "resp_stored"), "resp_2")
    third = json.loads(kept.body_of(create("and", "resp_2")))
    assert (third["previous_response_id"], roles(third)) == ("resp_stored", ["user", "user"])


def test_a_warm_up_is_continued_though_it_would_be_stored() -> None:
    kept = Conversations(1 << 20)
    turn(kept, create("warm", stored=True, generated=False), "resp_w")
    assert roles(json.loads(kept.body_of(create("go", "resp_w", stored=True)))) == ["user", "user"]


def test_the_result_of_a_call_that_was_never_made_is_refused() -> None:
    kept = Conversations(1 << 20)
    turn(kept, create("hi"), "resp_1", CALL)
    with pytest.raises(Refused, match="call_id c9"):
        kept.body_of(create([{"type": "function_call_output", "call_id": "c9", "output": "x"}], "resp_1"))


def test_what_failed_is_forgotten() -> None:
    kept = Conversations(1 << 20)
    turn(kept, create("hi"), "resp_1")
    kept.forget(create("more", "resp_1"))
    assert kept.continues(create("more", "resp_1")) is None


def test_it_is_bounded_in_number_and_in_bytes() -> None:
    kept = Conversations(1 << 20)
    for number in range(MOST + 2):
        turn(kept, create("hi"), f"resp_{number}")
    assert [kept.continues(create("x", f"resp_{n}")) for n in (1, 2)] == [None, "resp_2"]
    small = Conversations(300)
    for number in range(3):
        turn(small, create("x" * 200), f"resp_{number}")
    assert [small.continues(create("x", f"resp_{n}")) for n in (1, 2)] == [None, "resp_2"]


def test_a_response_without_a_name_is_not_kept() -> None:
    kept = Conversations(1 << 20)
    asked = create("hi")
    kept.keep(asked, asked.body, b"{}")
    assert kept.continues(create("x", "")) is None
