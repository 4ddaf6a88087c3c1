"""Histories that hold what another account, provider or gateway has signed: served all the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from providers.catalog.records import RouteRecord, key_credential
from tests.gateway.relay.building import CLAUDE, OPENAI, bench
from tests.gateway.relay.scripted import ASK, Script, answer, refusal

Json = dict[str, Any]

OTHER = replace(CLAUDE, name="second", base_url="https://second.test", credential=key_credential("sk-second"))
CHAIN = RouteRecord("claude-x", (("anthropic", None), ("second", None)))
INVALID = "invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block"
SESSION = {"x_claude_code_session_id": "s-1"}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "EpoB"}
SAID = {"type": "text", "text": "Well."}
USE = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "r"}
ADVICE = [
    {"type": "server_tool_use", "id": "s1", "name": "advisor", "input": {}},
    {"type": "advisor_tool_result", "tool_use_id": "s1", "content": {"type": "advisor_redacted_result"}},
]


def history(*blocks: Json, last: Any = "on", **fields: Any) -> Json:
    messages = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": list(blocks)},
        {"role": "user", "content": last},
    ]
    return {**ASK, "messages": messages, **fields}


def sent(script: Script, number: int) -> Json:
    body: Json = json.loads(b"".join(script.requests[number].stream))  # type: ignore[arg-type]
    return body


def kinds(body: Json) -> list[str]:
    return [block["type"] for block in body["messages"][1]["content"]]


@pytest.mark.parametrize(
    "words",
    [
        INVALID[1],
        "Invalid `data` in `redacted_thinking` block",
        "messages.1.content.0: thinking blocks cannot be modified",
        "encrypted_content could not be decrypted",
        "advisor_tool_result: was made for a different organization",
    ],
)
async def test_what_is_refused_for_its_signature_is_sent_without(words: str) -> None:
    made = bench(Script(refusal(400, "invalid_request_error", words), answer()))
    exchange = await made.call(history(THOUGHT, *ADVICE, SAID))
    assert made.status == 200 and exchange.attempts == 2
    assert kinds(sent(made.script, 0)) == ["thinking", "server_tool_use", "advisor_tool_result", "text"]
    assert kinds(sent(made.script, 1)) == ["text"]


async def test_in_a_tool_loop_thinking_is_off_for_that_call() -> None:
    made = bench(Script(refusal(400, *INVALID), answer()))
    await made.call(history(THOUGHT, USE, last=[RESULT], thinking={"type": "adaptive"}))
    assert "thinking" in sent(made.script, 0) and "thinking" not in sent(made.script, 1)


async def test_a_loop_without_the_thinking_that_is_wanted() -> None:
    words = "Expected `thinking` or `redacted_thinking`, but found `tool_use`"
    made = bench(Script(refusal(400, "invalid_request_error", words), answer()))
    await made.call(history(USE, last=[RESULT], thinking={"type": "adaptive"}))
    assert made.status == 200 and "thinking" not in sent(made.script, 1)


@pytest.mark.parametrize("words", [INVALID[1], "max_tokens: must be greater"])
async def test_once_only_and_only_where_something_goes(words: str) -> None:
    made = bench(Script(refusal(400, "invalid_request_error", words)))
    await made.call(history(SAID))
    assert made.status == 400 and len(made.script.requests) == 1
    if "signature" in words:
        made = bench(Script(refusal(400, "invalid_request_error", words), refusal(400, *INVALID)))
        await made.call(history(THOUGHT, SAID))
        assert made.status == 400 and len(made.script.requests) == 2


async def test_what_was_refused_once_is_left_out_from_then_on() -> None:
    made = bench(
        Script(*[answer() for _ in range(2)], refusal(400, *INVALID), answer(), answer()), accounts=2
    )
    await made.call(ASK, **SESSION)
    await made.call(ASK, **SESSION)
    await made.call(history(THOUGHT, SAID), **SESSION)
    await made.call(history(THOUGHT, SAID), **SESSION)
    assert made.status == 200 and kinds(sent(made.script, 4)) == ["text"]


async def test_another_provider_of_the_same_kind_gets_none_of_the_first_s() -> None:
    made = bench(Script(refusal(529), answer(), refusal(529), answer()), providers=[OTHER], routes=[CHAIN])
    await made.call(history(THOUGHT, SAID), **SESSION)
    assert made.status == 200 and made.script.credentials()[1] == "sk-second"
    assert kinds(sent(made.script, 0)) == ["thinking", "text"] and kinds(sent(made.script, 1)) == ["text"]
    longer = history(THOUGHT, SAID)
    own = {"role": "assistant", "content": [{**THOUGHT, "signature": "second's"}, SAID]}
    longer["messages"] += [own, {"role": "user", "content": "more"}]
    await made.call(longer, **SESSION)
    told = sent(made.script, 3)["messages"]
    assert [block["type"] for block in told[1]["content"]] == ["text"]
    assert [block["type"] for block in told[3]["content"]] == ["thinking", "text"]  # its own


async def test_the_first_gets_none_of_the_second_s_when_it_is_back() -> None:
    made = bench(Script(refusal(529), answer(), answer()), providers=[OTHER], routes=[CHAIN])
    await made.call(history(SAID), **SESSION)
    await made.call(history(THOUGHT, SAID), **SESSION)
    assert made.status == 200 and kinds(sent(made.script, 2)) == ["text"]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "Hm.", "signature": "sealed:abc"},
        {"type": "redacted_thinking", "data": "sealed:abc"},
    ],
)
async def test_what_we_sealed_never_reaches_the_vendor(block: Json) -> None:
    made = bench(Script(answer()), providers=[OPENAI])
    await made.call(history(block, THOUGHT, SAID))
    assert kinds(sent(made.script, 0)) == ["thinking", "text"]


async def test_nor_after_a_fallback() -> None:
    chain = RouteRecord("claude-x", (("other", "gpt-x"), ("anthropic", None)))
    failed = answer(503, {"error": {"message": "busy"}})
    made = bench(Script(failed, answer()), providers=[OPENAI], routes=[chain])
    await made.call(history({"type": "thinking", "thinking": "Hm.", "signature": "sealed:abc"}, SAID))
    assert made.status == 200 and kinds(sent(made.script, 1)) == ["text"]


async def test_advice_stays_with_the_account_that_got_it() -> None:
    made = bench(Script(answer(), refusal(529), answer()), accounts=2)
    await made.call(ASK, **SESSION)
    await made.call(history(*ADVICE, SAID), **SESSION)
    assert made.status == 200
    assert kinds(sent(made.script, 1)) == ["server_tool_use", "advisor_tool_result", "text"]
    assert kinds(sent(made.script, 2)) == ["text"]


@pytest.mark.parametrize("sealed", ["sealed:abc", "of another account"])
async def test_reasoning_on_a_native_responses_provider(sealed: str) -> None:
    native = replace(OPENAI, responses="native")
    done = answer(
        200, {"id": "resp_1", "object": "response", "status": "completed", "output": [], "model": "m"}
    )
    refused = answer(400, {"error": {"message": "no", "code": "invalid_encrypted_content"}})
    steps = [done] if sealed.startswith("sealed:") else [refused, done]
    made = bench(Script(*steps), providers=[native], routes=[RouteRecord("gpt-x", (("other", None),))])
    items = [
        {"role": "user", "content": "hi"},
        {"type": "reasoning", "summary": [], "encrypted_content": sealed},
    ]
    await made.call({"model": "gpt-x", "input": items}, surface="responses")
    assert made.status == 200 and [item.get("type") for item in sent(made.script, -1)["input"]] == [None]
