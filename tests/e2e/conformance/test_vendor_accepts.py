"""What the vendor accepts, we accept, and refuse only what it refuses: a request, and what becomes of it.

Over itself nothing is judged here: every body reaches the vendor as it is, and its refusal the caller. Over another API
a row says what the upstream gets, written as `role: content | …` (its own rules are checked there), or our words.
"""

# ruff: noqa: E501 - a case is a line

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conformance.asking import MESSAGE, Make, answered, dumped, post
from tests.fakes.anthropic_rules import broken_rule
from tests.fakes.openai_rules import BrokenRule, check_chat
from tests.fakes.server import Answer, FakeServer, Seen
from tests.harness import GatewayProcess

MESSAGES, CHAT, RESPONSES = "/v1/messages", "/v1/chat/completions", "/v1/responses"
MODEL = "claude-sonnet-4-5"
REFUSAL = dumped(
    {"type": "error", "error": {"type": "invalid_request_error", "message": "CANARY of the vendor"}}
)
COMPLETION = dumped(
    {
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 1, "total_tokens": 5},
    }
)  # fmt: skip
OPENING = "user: (The conversation begins with the assistant's message.)"

A = {"role": "assistant", "content": "a"}
U = {"role": "user", "content": "u"}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def said(*content: Any, role: str = "user") -> list[dict[str, Any]]:
    """Return a conversation of messages with these contents."""
    return [{"role": role, "content": one} for one in content]


CALL = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "r"}
PASSED: dict[str, Any] = {
    "an assistant's turn first": {"messages": [A, U]},
    "turns of one role in a row": {"messages": [U, U, A, A, U]},
    "a beginning of the answer": {"messages": [U, {"role": "assistant", "content": "a "}]},
    "an assistant's turn alone": {"messages": [A]},
    "empty texts": {"messages": said("", [{"type": "text", "text": ""}], " ")},
    "content that is nothing": {"messages": [*said(None, [], 5, {}, [None], ["x"]), {"role": "user"}]},
    "roles that nobody knows": {"messages": [U, {"role": "tool", "content": "x"}, {"role": 5}, {}, 5, None]},
    "system among the messages": {"messages": [U, {"role": "system", "content": "s"}, U]},
    "a result without its call": {"messages": said([RESULT])},
    "a result behind a text": {
        "messages": [U, {"role": "assistant", "content": [CALL]}, *said(["x", RESULT])]
    },
    "a call without its result": {"messages": [U, {"role": "assistant", "content": [CALL]}, U]},
    "blocks that nobody knows": {"messages": said([{"type": "new"}, {"type": None}, {}])},
    "a picture that is none": {
        "messages": said([{"type": "image", "source": {"type": "base64", "data": "?"}}])
    },
    "no messages": {"messages": []},
    "messages that are no list": {"messages": "hi"},
    "messages that are absent": {},
    "no max_tokens": {"messages": [U], "max_tokens": None},
    "max_tokens 0": {"messages": [U], "max_tokens": 0},
    "max_tokens as a text": {"messages": [U], "max_tokens": "10"},
    "numbers beyond their range": {"messages": [U], "temperature": 7, "top_p": -1, "top_k": -1},
    "stream that is no switch": {"messages": [U], "stream": "yes"},
    "stop sequences of nothing": {"messages": [U], "stop_sequences": ["", " ", 5]},
    "tools of nothing": {"messages": [U], "tools": [], "tool_choice": {"type": "any"}},
    "tools that nobody knows": {"messages": [U], "tools": [{"type": "new_20990101", "name": "n"}, 5]},
    "thinking that nobody knows": {"messages": [U], "thinking": {"type": "deeply"}, "output_config": 5},
    "system that is nothing": {"messages": [U], "system": ""},
    "system that is a number": {"messages": [U], "system": 5},
    "fields that nobody knows": {"messages": [U], "new": {"x": [1]}, "metadata": 5, "service_tier": 5},
    "a model's name with blanks": {"messages": [U], "model": " claude-sonnet-4-5 "},
}


@pytest.mark.parametrize("path", [MESSAGES, "/v1/messages/count_tokens"])
@pytest.mark.parametrize("name", PASSED)
def test_over_itself_the_vendor_judges(
    gateway: GatewayProcess, upstream: FakeServer, name: str, path: str
) -> None:
    body = {"model": MODEL, "max_tokens": 10, **PASSED[name]}
    upstream.say(answered(REFUSAL, status=400))
    answer = post(gateway, path, body)
    assert (answer.status, answer.body) == (400, REFUSAL)
    assert [json.loads(seen.body) for seen in upstream.seen] == [body]
    assert upstream.last.body == dumped(body)


# --- over another API ---------------------------------------------------------------------------------------

Rows = dict[str, tuple[dict[str, Any], str]]
"""A body, and either what the upstream gets or, behind `refused: `, our words."""

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
TOOL_CALL = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}
TOLD = {"role": "tool", "tool_call_id": "t1", "content": "r"}
CHAT_ROWS: Rows = {
    "a user's turn": ({"messages": [U]}, "user: u"),
    "an assistant's turn first": ({"messages": [A, U]}, f"{OPENING} | assistant: a | user: u"),
    "an assistant's turn alone": ({"messages": [A]}, f"{OPENING} | assistant: a"),
    "turns of one role in a row": ({"messages": [U, U, A, A, U]}, "user: u+u | assistant: a+a | user: u"),
    "a beginning of the answer": ({"messages": [U, {**A, "content": "a \n"}]}, "user: u | assistant: a"),
    "a system message": ({"messages": [*said("s", role="system"), U]}, "system: s | user: u"),
    "system behind a turn": ({"messages": [U, A, *said("s", role="developer"), U]}, "system: s | user: u | assistant: a | user: u"),
    "system alone": ({"messages": said("s", role="system")}, "user: s"),
    "an empty system message": ({"messages": [*said("", role="system"), U]}, "user: u"),
    "system without content": ({"messages": [{"role": "system"}, U]}, "user: u"),
    "an assistant who says nothing": ({"messages": [U, {"role": "assistant", "content": None}, U]}, "user: u+u"),
    "an assistant's empty text": ({"messages": [U, {"role": "assistant", "content": ""}, U]}, "user: u+u"),
    "an empty text beside another": ({"messages": said([{"type": "text", "text": ""}, {"type": "text", "text": "u"}])}, "user: u"),
    "bare strings": ({"messages": said(["u", "v"])}, "user: u+v"),
    "a part without its type": ({"messages": said([{"text": "u"}])}, "user: u"),
    "parts of Responses": ({"messages": said([{"type": "input_text", "text": "u"}, {"type": "output_text", "text": "v"}])}, "user: u+v"),
    "a picture as a text": ({"messages": said([{"type": "image_url", "image_url": "http://x.test/a.png"}])}, "user: [image]"),
    "a picture as data": ({"messages": said([{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}])}, "user: [image]"),
    "a tool's result": ({"messages": [U, CALLED, TOLD]}, "user: u | assistant: [tool_use] | user: [tool_result]"),
    "a result behind a turn": ({"messages": [U, CALLED, U, TOLD]}, "user: u | assistant: [tool_use] | user: [tool_result]+u"),
    "a result before its call": ({"messages": [U, TOLD, CALLED]}, "user: u | assistant: [tool_use] | user: [tool_result]"),
    "a result without a call": ({"messages": [U, TOLD]}, "user: u"),
    "a call without a result": ({"messages": [U, CALLED, U]}, "user: u | assistant: [tool_use] | user: [tool_result]+u"),
    "a result of nothing": ({"messages": [U, CALLED, {**TOLD, "content": None}]}, "user: u | assistant: [tool_use] | user: [tool_result]"),
    "arguments of nothing": ({"messages": [U, {**CALLED, "tool_calls": [{**TOOL_CALL, "function": {"name": "f", "arguments": ""}}]}, TOLD]}, "user: u | assistant: [tool_use] | user: [tool_result]"),
    "a name at a message": ({"messages": [{**U, "name": "ann"}]}, "user: u"),
    "fields that change nothing": ({"messages": [U], "seed": 1, "user": "x", "store": True, "metadata": {"a": "b"}, "logit_bias": {}, "frequency_penalty": 0.5, "new": 1, "n": 1, "logprobs": False, "service_tier": "auto", "verbosity": "low"}, "user: u"),
    "fields that are null": ({"messages": [U], **dict.fromkeys(("n", "stop", "tools", "tool_choice", "max_tokens", "temperature", "stream", "response_format", "functions", "audio", "parallel_tool_calls"))}, "user: u"),
    "a temperature of 2": ({"model": "claude-haiku-4-5", "messages": [U], "temperature": 2, "top_p": 1}, "user: u"),
    "stops of nothing": ({"messages": [U], "stop": ["", " "]}, "user: u"),
    "no tools, and a choice": ({"messages": [U], "tools": [], "tool_choice": "auto"}, "user: u"),
    "more tokens than the model has": ({"messages": [U], "max_completion_tokens": 10_000_000}, "user: u"),
    "no messages": ({"messages": []}, "refused: at least one message is required"),
    "messages that are absent": ({}, "refused: at least one message is required"),
    "messages that are no list": ({"messages": "hi"}, "refused: messages must be an array"),
    "a message that is none": ({"messages": [5]}, "refused: messages.0 must be an object"),
    "a role that nobody knows": ({"messages": [{"role": "narrator", "content": "x"}]}, "refused: messages.0 has an unknown role"),
    "a user who says nothing": ({"messages": said(None)}, "refused: messages.0 has no content"),
    "a user's empty text": ({"messages": said("")}, "refused: messages.0 has no content"),
    "content that is a number": ({"messages": said(5)}, "refused: messages.0.content must be an array"),
    "a part that nobody knows": ({"messages": said([{"type": "new"}])}, "refused: content parts of type new are not supported"),
    "sound": ({"messages": said([{"type": "input_audio", "input_audio": {}}])}, "refused: audio is not supported"),
    "several answers": ({"messages": [U], "n": 2}, "refused: n must be 1"),
    "max_tokens 0": ({"messages": [U], "max_tokens": 0}, "refused: max_tokens must be a positive whole number"),
    "a result that names no call": ({"messages": [U, CALLED, {"role": "tool", "content": "r"}]}, "refused: messages.2.tool_call_id is required"),
    "a stop that is a number": ({"messages": [U], "stop": 5}, "refused: stop must be a string or an array of strings"),
}  # fmt: skip
ASKED = {"type": "function_call", "call_id": "t1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "t1", "output": "r"}
RESPONSES_ROWS: Rows = {
    "a text": ({"input": "u"}, "user: u"),
    "an assistant's turn first": ({"input": [A, U]}, f"{OPENING} | assistant: a | user: u"),
    "turns of one role in a row": ({"input": [U, U, A, A, U]}, "user: u+u | assistant: a+a | user: u"),
    "a beginning of the answer": ({"input": [U, {**A, "content": "a "}]}, "user: u | assistant: a"),
    "instructions alone": ({"input": [], "instructions": "s"}, "user: s"),
    "instructions of nothing": ({"input": "u", "instructions": ""}, "user: u"),
    "system among the turns": ({"input": [U, *said("s", role="developer"), U]}, "system: s | user: u+u"),
    "an assistant who says nothing": ({"input": [U, {"role": "assistant", "content": []}, U]}, "user: u+u"),
    "parts without a text": ({"input": said([{"type": "input_text", "text": ""}, {"type": "input_text", "text": "u"}])}, "user: u"),
    "a call and its output": ({"input": [U, ASKED, OUTPUT]}, "user: u | assistant: [tool_use] | user: [tool_result]"),
    "an output behind a turn": ({"input": [U, ASKED, U, OUTPUT]}, "user: u | assistant: [tool_use] | user: [tool_result]+u"),
    "an output without a call": ({"input": [U, OUTPUT]}, "user: u"),
    "a call without an output": ({"input": [U, ASKED]}, "user: u | assistant: [tool_use] | user: [tool_result]"),
    "reasoning of others": ({"input": [U, {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}, A, U]}, "user: u | assistant: a | user: u"),
    "fields that change nothing": ({"input": "u", "store": False, "truncation": "auto", "metadata": {}, "include": [], "service_tier": "auto", "new": 1, "text": {"verbosity": "low"}}, "user: u"),
    "no input": ({"input": []}, "refused: at least one message is required"),
    "a text of nothing": ({"input": ""}, "refused: at least one message is required"),
    "input that is a number": ({"input": 5}, "refused: input must be an array"),
    "a list of texts": ({"input": ["u"]}, "refused: input.0 must be an object"),
    "a user who says nothing": ({"input": said([])}, "refused: input.0.content is empty"),
    "a role that nobody knows": ({"input": [{"role": "narrator", "content": "x"}]}, "refused: input.0.role is not known"),
    "an item that nobody knows": ({"input": [{"type": "new"}]}, "refused: input items of type new are not supported"),
    "max_output_tokens 0": ({"input": "u", "max_output_tokens": 0}, "refused: max_output_tokens must be a positive whole number"),
}  # fmt: skip
ROWS: list[tuple[str, str, Rows]] = [(CHAT, "gpt-4o", CHAT_ROWS), (RESPONSES, "gpt-4o", RESPONSES_ROWS)]


def told(body: dict[str, Any]) -> str:
    """Write what the upstream got as a row has it."""
    turns = [{"role": "system", "content": body["system"]}] if body.get("system") else []
    return " | ".join(f"{one['role']}: {_content(one)}" for one in [*turns, *body["messages"]])


def _content(message: dict[str, Any]) -> str:
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    found = [one["text"] if one["type"] == "text" else f"[{one['type']}]" for one in blocks]
    return "+".join([*found, *("[tool_call]" for _ in message.get("tool_calls") or ())]).replace("\n\n", "+")


def by_anthropics_rules(seen: Seen) -> Answer:
    body = json.loads(seen.body)
    if wrong := broken_rule(body):
        return answered(dumped({"error": {"type": "invalid_request_error", "message": wrong}}), status=400)
    return answered(dumped(MESSAGE))


def by_openais_rules(seen: Seen) -> Answer:
    try:
        check_chat(json.loads(seen.body))
    except BrokenRule as wrong:
        return answered(dumped({"error": {"message": str(wrong)}}), status=400)
    return answered(COMPLETION)


def _becomes(answer: Any, upstream: FakeServer) -> str:
    if answer.status == 200:
        return told(json.loads(upstream.last.body))
    assert answer.status == 400, answer
    return ("the upstream's: " if upstream.seen else "refused: ") + answer.json()["error"]["message"]


def _is_so(becomes: str, row: str) -> bool:
    return becomes.startswith(row) if row.startswith("refused") else becomes == row


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, _, rows in ROWS for name in rows])
def test_openais_surfaces_over_anthropic(
    gateway: GatewayProcess, upstream: FakeServer, path: str, name: str
) -> None:
    ((model, rows),) = [(model, rows) for one, model, rows in ROWS if one == path]
    body, row = rows[name]
    upstream.handler = by_anthropics_rules
    becomes = _becomes(post(gateway, path, {"model": model, **body}), upstream)
    assert _is_so(becomes, row), becomes


SYSTEM = {"role": "system", "content": "s"}
MESSAGES_ROWS: Rows = {
    "a user's turn": ({"messages": [U]}, "user: u"),
    "an assistant's turn first": ({"messages": [A, U]}, "assistant: a | user: u"),
    "turns of one role in a row": ({"messages": [U, U, A, A, U]}, "user: u+u | assistant: a+a | user: u"),
    "empty texts": ({"messages": said("", [{"type": "text", "text": ""}, {"type": "text", "text": "u"}])}, "user: u"),
    "system": ({"messages": [U], "system": "s"}, "system: s | user: u"),
    "system of nothing": ({"messages": [U], "system": []}, "user: u"),
    "system among the messages": ({"messages": [U, A, SYSTEM, U]}, "user: u | assistant: a | user: <system>\ns\n</system>+u"),
    "an assistant who says nothing": ({"messages": [U, {"role": "assistant", "content": []}, U]}, "user: u+u"),
    "a tool's result": ({"messages": [U, {"role": "assistant", "content": [CALL]}, *said([RESULT])]}, "user: u | assistant: [tool_call] | tool: r"),
    "a result behind a text": ({"messages": [U, {"role": "assistant", "content": [CALL]}, *said([{"type": "text", "text": "x"}, RESULT])]}, "user: u | assistant: [tool_call] | tool: r | user: x"),
    "a call without its result": ({"messages": [U, {"role": "assistant", "content": [CALL]}, U]}, "user: u | assistant: [tool_call] | tool: Error: no result was recorded for this call | user: u"),
    "a result without its call": ({"messages": [U, *said([RESULT, {"type": "text", "text": "u"}])]}, "user: u+u"),
    "a result of nothing": ({"messages": [U, {"role": "assistant", "content": [CALL]}, *said([{"type": "tool_result", "tool_use_id": "t1"}])]}, "user: u | assistant: [tool_call] | tool: "),
    "tools of nothing": ({"messages": [U], "tools": []}, "user: u"),
    "stop sequences of nothing": ({"messages": [U], "stop_sequences": []}, "user: u"),
    "fields that change nothing": ({"messages": [U], "new": 1, "metadata": {"user_id": "x"}, "service_tier": "auto", "top_k": 5, "thinking": {"type": "adaptive"}}, "user: u"),
    "a beginning of the answer": ({"messages": [U, A]}, "refused: messages.1: this upstream can't continue an assistant message"),
    "no messages": ({"messages": []}, "refused: messages: at least one message is required"),
    "a role that nobody knows": ({"messages": [{"role": "tool", "content": "x"}]}, "refused: messages.0.role: must be user, assistant or system"),
    "content that is a number": ({"messages": said(5)}, "refused: messages.0.content: must be a string or an array of content blocks"),
    "no max_tokens": ({"messages": [U], "max_tokens": None}, "refused: max_tokens: is required"),
    "a block that nobody knows": ({"messages": said([{"type": "new"}])}, "refused: messages.0.content.0"),
}  # fmt: skip


@pytest.fixture(scope="module")
def chat_upstream(start: Make, upstream: FakeServer) -> Callable[[], GatewayProcess]:
    base = f"http://127.0.0.1:{upstream.port}/v1"
    return lambda: start(
        UPSTREAM_PROVIDER="openai-compatible", OPENAI_COMPATIBLE_BASE_URL=base, OPENAI_COMPATIBLE_MODEL="m",
        OPENAI_COMPATIBLE_API_KEY="k",
    )  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES_ROWS)
def test_messages_over_chat(
    chat_upstream: Callable[[], GatewayProcess], upstream: FakeServer, name: str
) -> None:
    body, row = MESSAGES_ROWS[name]
    made = chat_upstream()
    upstream.reset()
    upstream.handler = by_openais_rules
    becomes = _becomes(post(made, MESSAGES, {"model": "m", "max_tokens": 10, **body}), upstream)
    assert _is_so(becomes, row), becomes
