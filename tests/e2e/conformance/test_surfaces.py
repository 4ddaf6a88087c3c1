"""The reference's conformance list, a test per row: OpenAI's surfaces and providers."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import httpx
import pytest

from gateway.kernel.secrets import SecretBox
from providers.credentials.base import Draft
from providers.credentials.gonka_hash import GonkaHash
from providers.files import importing
from providers.upstream import Credential, CredentialKind
from tests.e2e.conformance.asking import (
    HI,
    MESSAGE,
    SSE,
    Make,
    answered,
    deviates,
    dumped,
    events,
    post,
)
from tests.fakes.server import CUT, FakeServer
from tests.harness import GatewayProcess
from tests.rawhttp import Response

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}


def chat(gateway: GatewayProcess, **more: Any) -> Response:
    return post(gateway, CHAT, {"model": "gpt-4o", "messages": HI, **more})


def sent(upstream: FakeServer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(upstream.last.body)
    return found


def frames(answer: Response) -> list[Any]:
    data = [line[6:] for line in answer.body.split(b"\n") if line.startswith(b"data: ")]
    return [one.decode() if one == b"[DONE]" else json.loads(one) for one in data]


@pytest.mark.parametrize(
    ("asked", "goes"),
    [
        ("claude-x", "claude-x"), ("gpt-4o-mini", "claude-haiku-4-5-20251001"), ("gpt-5", "claude-opus-4-7"),
        ("O3", "claude-opus-4-7"), ("gpt-4o", "claude-sonnet-4-5-20250929"), ("gpt-4.1", "claude-sonnet-4-5-20250929"),
    ],
)  # fmt: skip
def test_13_models(gateway: GatewayProcess, upstream: FakeServer, asked: str, goes: str) -> None:
    deviates("an OpenAI name on Anthropic that no row maps")
    answer = chat(gateway, model=asked)
    assert (sent(upstream)["model"], answer.json()["model"]) == (goes, asked)


def test_13_what_a_request_becomes(gateway: GatewayProcess, upstream: FakeServer) -> None:
    image = {"type": "image_url", "image_url": {"url": "http://x.test/a.png"}}
    messages = [{"role": "system", "content": "A"}, {"role": "user", "content": [image]}]
    chat(
        gateway,
        messages=[*messages, {"role": "developer", "content": "B"}],
        tools=[TOOL],
        stop="s",
        max_tokens=7,
    )
    body = sent(upstream)
    assert body["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "http://x.test/a.png"}}
    ]
    assert (body["system"], body["max_tokens"], body["stop_sequences"]) == ("A\n\nB", 7, ["s"])
    assert (body["tools"][0]["name"], body["tools"][0]["description"]) == ("f", "d")
    for choice, becomes in (
        ("required", {"type": "any"}), ("none", {"type": "none"}), ("auto", {"type": "auto"}),
        ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
    ):  # fmt: skip
        chat(gateway, tools=[TOOL], tool_choice=choice, stop=["a", "b"])
        assert sent(upstream)["tool_choice"] == becomes and sent(upstream)["stop_sequences"] == ["a", "b"]
    deviates("`max_tokens` that the client does not name")
    assert sent(upstream)["max_tokens"] >= 4096


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("new", "new"),
    ],
)
def test_14_answers(gateway: GatewayProcess, upstream: FakeServer, reason: str, finish: str) -> None:
    call = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}
    upstream.say(answered(dumped({**MESSAGE, "content": [*MESSAGE["content"], call], "stop_reason": reason})))
    answer = chat(gateway, tools=[TOOL]).json()
    (choice,) = answer["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("hello", finish)
    function = choice["message"]["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])) == ("f", {"a": 1})
    assert answer["usage"]["total_tokens"] == 7


def test_14_errors_of_the_upstream(gateway: GatewayProcess, upstream: FakeServer) -> None:
    deviates("errors")
    error = dumped({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}})
    upstream.say(answered(error, status=400))
    assert (answer := chat(gateway)).status == 400 and answer.json()["error"]["message"] == "no"
    upstream.say(answered(b"<html>", status=418))
    assert (answer := chat(gateway)).status == 418 and "message" in answer.json()["error"]


def test_15_streams(gateway: GatewayProcess, upstream: FakeServer) -> None:
    start = {"type": "message_start", "message": {**MESSAGE, "content": []}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    texts = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in ("Hé", "llo")
    ]
    ends = [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    whole = b"".join(events(start, block, *texts, *ends)).replace(b"\\u00e9", "é".encode())
    cut = whole.index("é".encode()) + 1  # inside the character
    upstream.say(
        answered(whole[:cut], whole[cut : cut + 9], whole[cut + 9 :], headers=SSE, framing="chunked")
    )
    told = frames(chat(gateway, stream=True))
    assert told[-1] == "[DONE]" and told[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "".join(one["choices"][0]["delta"].get("content") or "" for one in told[:-1]) == "Héllo"
    assert told[-2]["choices"][0]["finish_reason"] == "length"
    deviates("streams")
    upstream.say(answered(*events(start, block, texts[0]), CUT, headers=SSE, framing="chunked"))  # type: ignore[arg-type]
    told = frames(chat(gateway, stream=True))
    assert "error" in told[-1] and "[DONE]" not in told


def test_16_responses(gateway: GatewayProcess, upstream: FakeServer) -> None:
    deviates("Responses")
    item = {"role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    for given in ("hi", [item]):
        answer = post(gateway, RESPONSES, {"model": "gpt-4o", "input": given, "instructions": "i"})
        body = answer.json()
        assert (body["object"], body["status"], body["model"]) == ("response", "completed", "gpt-4o")
        assert sent(upstream)["system"] == "i" and sent(upstream)["messages"][0]["role"] == "user"
    upstream.say(answered(dumped(MESSAGE)))
    told = frames(post(gateway, RESPONSES, {"model": "gpt-4o", "input": "hi", "stream": True}))
    kinds = [one["type"] for one in told]
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    assert "response.output_text.delta" in kinds


PROVIDERS = {
    "anthropic": {},
    "gonka": {
        "UPSTREAM_PROVIDER": "gonka",
        "GONKA_PRIVATE_KEY": "k",
        "GONKA_MODE": "reference",
        "GONKA_MODEL": "g",
    },
    "crater": {"UPSTREAM_PROVIDER": "crater", "CRATER_FORGEFED_INBOX": "http://127.0.0.1:9/inbox"},
    "openai-compatible": {"UPSTREAM_PROVIDER": "litellm", "OPENAI_COMPATIBLE_MODELS": "a,b"},
}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_17_models_of_the_four_providers(start: Make, upstream: FakeServer, provider: str) -> None:
    deviates("`/v1/models`")
    upstream.reset()
    upstream.handler = lambda seen: answered(
        dumped({"data": [{"type": "model", "id": "claude-1", "display_name": "C"}]})
    )
    try:
        made = start(**PROVIDERS[provider])
        listed = made.ask("GET", "/v1/models", [made.token.bearer]).json()
    finally:
        upstream.handler = lambda seen: answered(dumped(MESSAGE))
    ids = {one["id"] for one in listed["data"]}
    assert listed["object"] == "list" and made.ask("GET", "/v1/models").status == 401
    assert {"gonka": {"g"}, "crater": {"crater-forgefed"}, "openai-compatible": {"a", "b"}}.get(
        provider, set()
    ) <= ids


# --- providers


def test_18_gonkas_vector() -> None:
    draft = Draft("POST", httpx.URL("http://h"), b"/v1/chat/completions", [], b"{}")
    GonkaHash(b"/v1/chat/completions").apply(
        draft, Credential(CredentialKind.API_KEY, "secret-key"), 1700000000.0
    )
    assert (
        hashlib.sha256(b"{}").hexdigest()
        == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )
    assert draft.headers[-2:] == [
        (b"x-gonka-timestamp", b"1700000000"),
        (b"x-gonka-signature", b"274bb6c833937ca5f5dd5ff7cd4c1c6b207569cce2c4706e0c22295afbd6a092"),
    ]


def test_20_openai_compatible(start: Make, upstream: FakeServer) -> None:
    deviates("OpenAI-compatible calls")
    base = f"http://127.0.0.1:{upstream.port}"
    made = start(
        UPSTREAM_PROVIDER="openai-compatible", OPENAI_COMPATIBLE_BASE_URL=f"{base}/v1/", OPENAI_COMPATIBLE_MODEL="m",
        OPENAI_COMPATIBLE_API_KEY="boot", STORED_KEY="by-variable",
    )  # fmt: skip
    upstream.reset()
    post(made, CHAT, {"messages": HI})
    assert (upstream.last.target, upstream.last.get("authorization")) == (
        b"/v1/chat/completions",
        b"Bearer boot",
    )
    assert sent(upstream)["model"] == "m"
    stored = {"name": "litellm", "base_url": f"{base}/x", "api_key": "inline", "api_key_env": "STORED_KEY"}
    for record, key in ((stored, b"by-variable"), ({**stored, "api_key_env": "UNSET_KEY"}, b"inline")):
        assert made.admin("POST", "/api/providers", record).status == 200
        post(made, CHAT, {"model": "n", "messages": HI})
        assert upstream.last.target == b"/x/v1/chat/completions"
        assert upstream.last.get("authorization") == b"Bearer " + key
    assert made.admin("DELETE", "/api/providers/litellm").status == 200


def test_21_imports_and_secrets(gateway: GatewayProcess) -> None:
    deviates("provider `POST` or `providers add` without a key")
    links = 'a\n  kind "litellm"\n  base-url "http://a"\n  models "m, n"\n'
    for text in (
        '{"providers":[{"name":"a","base_url":"http://a"}]}', '[{"name":"a","base_url":"http://a"}]',
        'PROVIDER: {"name":"a","base_url":"http://a"}', links,
    ):  # fmt: skip
        (entry,) = importing.parse(text)
        assert (entry.fields["name"], entry.fields["base_url"]) == ("a", "http://a")
    box = SecretBox([bytes(32)], "secret")
    assert box.decrypt("aes256gcm:AAECAwQFBgcICQoL2r2J/wywEXY96fQIUEk6u5pOO4wAGBk=", "") == "sk-test"
    record = {"name": "kept", "base_url": "http://a", "api_key": "sk-1"}
    gateway.admin("POST", "/api/providers", record)
    answer = gateway.admin("POST", "/api/providers", {**record, "api_key": None}).json()
    assert answer["has_encrypted_api_key"] is True and "sk-1" not in json.dumps(answer)
    assert answer["kind"] == "open-a-i-compatible"
    gateway.admin("DELETE", "/api/providers/kept")
