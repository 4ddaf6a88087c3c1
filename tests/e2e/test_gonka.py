"""Gonka behind the gateway: every surface, streamed and not, in every mode; nodes that fail; keys that rotate."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from providers.credentials.secp256k1 import signer
from tests.e2e import test_claude_code as claude_code_cli
from tests.e2e import test_codex as codex_cli
from tests.e2e.installs import claude_code, codex
from tests.e2e.routing import chat, messages, post, provide, route, said
from tests.fakes.gonka_node import KEY, MODEL, GonkaNode, join, verifying_key
from tests.fakes.openai_saying import OUTPUT_TOKENS
from tests.fakes.openai_strict import API_KEY, StrictOpenAi
from tests.fakes.openai_vendor import OpenAiVendor
from tests.fakes.server import Answer, FakeServer, Gate, Seen
from tests.harness import ROOT, GatewayProcess
from tests.rawhttp import RawClient, Response

Start = Callable[..., GatewayProcess]
OTHER_KEY = "ab" * 32
ALLOWED = {"EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8", "ANTHROPIC_API_KEY": ""}


@pytest.fixture(scope="module")
def shared_nodes() -> Iterator[list[GonkaNode]]:
    published = {signer(key).address: verifying_key(key) for key in (KEY, OTHER_KEY)}
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(GonkaNode(signer(f"{number + 500:064x}").address, published))
            for number in range(3)
        ]
        join(*nodes)
        yield nodes


@pytest.fixture
def nodes(shared_nodes: list[GonkaNode]) -> list[GonkaNode]:
    for node in shared_nodes:
        node.reset()
    return shared_nodes


@pytest.fixture
def signed(shared: Start, nodes: list[GonkaNode]) -> GatewayProcess:
    settings = {
        **ALLOWED,
        "UPSTREAM_PROVIDER": "gonka",
        "GONKA_MODE": "signed",
        "GONKA_PRIVATE_KEY": "0x" + KEY,
        "GONKA_SOURCE_URL": f"{nodes[0].url}/v1/",
        "RESPONSES_STORE_SECONDS": "60",
    }
    return shared("uvicorn", settings)


def respond(gateway: GatewayProcess, **fields: Any) -> Response:
    return post(gateway, "/v1/responses", {"model": MODEL, "input": "hello", **fields})


def verified(nodes: list[GonkaNode]) -> int:
    return sum(len(node.verified) for node in nodes)


def test_every_surface_streamed_and_not(signed: GatewayProcess, nodes: list[GonkaNode]) -> None:
    words, mine = "You said: hello", signed.issue("usage")
    assert said(chat(signed, MODEL, mine)) == said(messages(signed, MODEL, mine)) == words
    assert b"You" in chat(signed, MODEL, mine, stream=True).body
    for row in signed.exchanges(mine, 3):
        assert (row["provider"], row["model_served"], row["output_tokens"]) == ("gonka", MODEL, OUTPUT_TOKENS)
    assert respond(signed).json()["output"][0]["content"][0]["text"] == words
    route(signed, "claude-gonka", "gonka", upstream_model=MODEL)
    bedrock = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hello"}],
    }
    assert said(post(signed, "/model/claude-gonka/invoke", bedrock)) == words
    streams = {
        chat(signed, MODEL, stream=True).body: b"data: [DONE]",
        messages(signed, MODEL, stream=True).body: b"event: message_stop",
        respond(signed, stream=True).body: b"event: response.completed",
    }
    for stream, end in streams.items():
        assert end in stream and stream.count(b"data: ") > 3
    assert verified(nodes) == 8
    assert signed.admin("DELETE", "/api/routes/claude-gonka").status == 200


def test_a_conversation_of_responses_goes_on(signed: GatewayProcess, nodes: list[GonkaNode]) -> None:
    first = respond(
        signed, input="RUN echo 42", tools=[{"type": "function", "name": "Bash", "parameters": PARAMETERS}]
    )
    [call] = [item for item in first.json()["output"] if item["type"] == "function_call"]
    outcome = [{"type": "function_call_output", "call_id": call["call_id"], "output": "42\n"}]
    answer = respond(signed, input=outcome, previous_response_id=first.json()["id"])
    assert answer.json()["output"][-1]["content"][0]["text"] == "The command said: 42"
    assert verified(nodes) == 2


PARAMETERS = {
    "type": "object",
    "properties": {"command": {"$ref": "#/$defs/Text"}, "description": {"$ref": "#/$defs/Text"}},
    "required": ["command", "description"],
    "$defs": {"Text": {"type": "string"}},
}


def test_schemas_leave_without_references(signed: GatewayProcess, nodes: list[GonkaNode]) -> None:
    chat(signed, MODEL, tools=[{"type": "function", "function": {"name": "Bash", "parameters": PARAMETERS}}])
    messages(signed, MODEL, tools=[{"name": "Bash", "input_schema": PARAMETERS}])
    respond(signed, tools=[{"type": "function", "name": "Bash", "parameters": PARAMETERS}])
    for node in nodes:
        for seen in node.verified:
            [tool] = json.loads(seen.body)["tools"]
            assert tool["function"]["parameters"]["properties"]["command"] == {"type": "string"}
            assert b"$ref" not in seen.body and b"$defs" not in seen.body
    assert verified(nodes) == 3


def test_a_call_that_names_no_model_gets_the_first_and_all_are_listed(
    signed: GatewayProcess, nodes: list[GonkaNode]
) -> None:
    answer = post(signed, "/v1/chat/completions", {"messages": [{"role": "user", "content": "hello"}]})
    assert said(answer) == "You said: hello" and answer.json()["model"] == MODEL
    listed = signed.ask("GET", "/v1/models", [signed.token.bearer]).json()["data"]
    assert [row["id"] for row in listed] == list(nodes[0].models)


@pytest.mark.parametrize("status", [403, 410, 429, 500])
def test_two_nodes_fail_and_the_third_serves(
    signed: GatewayProcess, nodes: list[GonkaNode], status: int
) -> None:
    for node in nodes[1:]:
        node.refuse(status, "no", 9)
    for ask in (chat, messages):
        assert said(ask(signed, MODEL)) == "You said: hello"
        assert b"You" in ask(signed, MODEL, stream=True).body
    assert len(nodes[0].verified) == 4


def test_a_fallback_serves_what_the_network_does_not(
    signed: GatewayProcess, nodes: list[GonkaNode], other: OpenAiVendor
) -> None:
    provide(signed, other)
    route(
        signed, "m-safe", "gonka", upstream_model=MODEL, fallbacks=[{"provider": "other", "model": "gpt-x"}]
    )
    assert said(chat(signed, "m-safe")) == "You said: hello"
    for status, text in (
        (410, "Gone"),
        (401, "PubKey"),
        (402, ""),
        (400, "timestamp is too old"),
        (429, "busy"),
    ):
        for node in nodes:
            node.reset()
            node.refuse(status, text, 9)
        for ask in (chat, messages):
            assert said(ask(signed, "m-safe")) == "gpt-x heard: hello", (status, ask)
    for path in ("routes/m-safe", "providers/other"):
        assert signed.admin("DELETE", f"/api/{path}").status == 200


def test_a_busy_network_is_no_outage(signed: GatewayProcess, nodes: list[GonkaNode]) -> None:
    for node in nodes:
        node.refuse(429, "Transfer Agent capacity reached", 1, ("retry-after", "30"))
    busy = chat(signed, MODEL)
    assert busy.status == 429 and "capacity" in busy.json()["error"]["message"]
    assert said(chat(signed, MODEL)) == "You said: hello"


def test_dropped_connections_and_a_node_that_is_down(signed: GatewayProcess, nodes: list[GonkaNode]) -> None:
    for node in nodes[:2]:
        node.drop(9)
    assert said(chat(signed, MODEL)) == "You said: hello"
    assert len(nodes[2].verified) == 1


ERRORS = {
    "gone": (410, "Gone", 502, ("broker", "GONKA_BROKER_URL")),
    "clock": (400, "Request timestamp is too old", 502, ("clock",)),
    "key": (
        401,
        "Unable to validate request against PubKey:x",
        502,
        ("GONKA_PRIVATE_KEY", signer(KEY).address, "public key"),
    ),
    "participant": (
        404,
        "Inference participant not found",
        502,
        ("GONKA_PRIVATE_KEY", signer(KEY).address, "public key"),
    ),
    "balance": (400, "Insufficient balance", 402, ("balance",)),
    "payment": (402, "", 402, ("balance",)),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", ERRORS)
def test_what_an_operator_must_mend_is_told_each_time_on_every_surface(
    signed: GatewayProcess, nodes: list[GonkaNode], case: str, stream: bool
) -> None:
    status, text, told, words = ERRORS[case]
    for node in nodes:
        node.refuse(status, text, 99)
    for _ in range(2):
        for answer in (
            chat(signed, MODEL, stream=stream),
            messages(signed, MODEL, stream=stream),
            respond(signed, stream=stream),
        ):
            assert answer.status == told, answer
            error = answer.json()["error"]
            assert all(word in error["message"] for word in words)
            if told == 402:
                assert error.get("code", "insufficient_quota") == "insufficient_quota"
    for node in nodes:
        node.reset()
    assert said(chat(signed, MODEL)) == "You said: hello"  # nothing is on cooldown


@pytest.mark.parametrize("surface", ["/v1/chat/completions", "/v1/messages"])
def test_a_stream_comes_as_it_is_written(
    signed: GatewayProcess, nodes: list[GonkaNode], surface: str
) -> None:
    """The first words are with the client before the node has said the last."""
    gate = Gate()

    def gated(seen: Seen) -> Answer:
        answer = nodes[0].served(seen)
        first, *rest = answer.parts
        return replace(answer, parts=[first, rest[0], gate, *rest[1:]])

    for node in nodes:
        node.play(gated)
    body = {
        "model": MODEL,
        "max_tokens": 9,
        "stream": True,
        "messages": [{"role": "user", "content": "hello"}],
    }
    headers = [signed.token.bearer, ("content-type", "application/json")]
    with RawClient(signed.port).ask("POST", surface, headers, json.dumps(body).encode()) as client:
        assert not client.head().all("content-length")
        assert client.until(b"You")
        assert gate.reached.wait(5) and not gate.is_open
        gate.open()
        rest, _ = client.rest()
    assert b"data: [DONE]" in rest or b"message_stop" in rest


def test_a_node_that_lags_is_given_up_in_time_and_others_go_first(
    start: Start, nodes: list[GonkaNode]
) -> None:
    named = ",".join(f"{node.url};{node.address}" for node in nodes[:2])
    settings = {**ALLOWED, "UPSTREAM_PROVIDER": "gonka", "GONKA_MODE": "signed", "GONKA_PRIVATE_KEY": KEY}
    gateway = start(
        "uvicorn", {**settings, "GONKA_ENDPOINTS": named, "UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS": "1.5"}
    )
    slow, good = nodes[0], nodes[1]
    for _ in range(20):  # until the slow one has had its turn
        slow.lag(20.0)
        answer = chat(gateway, MODEL)
        if slow.calls:
            break
    assert answer.status == 504 and "in time" in answer.json()["error"]["message"]
    for _ in range(5):
        assert said(messages(gateway, MODEL)) == "You said: hello"
    assert len(slow.calls) == 1 and len(good.verified) >= 5


def test_through_a_broker(start: Start) -> None:
    with StrictOpenAi(has_responses=False, models=(MODEL,)) as broker:
        settings = {
            **ALLOWED,
            "UPSTREAM_PROVIDER": "gonka",
            "GONKA_BROKER_URL": f"{broker.url}/v1",
            "GONKA_BROKER_API_KEY": API_KEY,
        }
        gateway = start("daphne", settings)
        assert said(chat(gateway, MODEL)) == said(messages(gateway, MODEL)) == "You said: hello"
        assert respond(gateway).json()["output"][0]["content"][0]["text"] == "You said: hello"
        unnamed = {"messages": [{"role": "user", "content": "hello"}]}
        assert said(post(gateway, "/v1/chat/completions", unnamed)) == "You said: hello"
        assert b"/v1/responses" not in [seen.path for seen in broker.seen]
        assert API_KEY not in gateway.log() and "GONKA_MODE" not in gateway.log()


REFERENCE = {**ALLOWED, "UPSTREAM_PROVIDER": "gonka", "GONKA_PRIVATE_KEY": "CANARY-any-text"}


def test_as_the_rust_router_does(start: Start) -> None:
    with StrictOpenAi(models=(MODEL,)) as server:
        server.answer = lambda seen, answer=server.answer: answer(_with_key(seen))  # type: ignore[method-assign]
        server.handler = server.answer
        gateway = start("daphne", {**REFERENCE, "GONKA_SOURCE_URL": f"{server.url}/", "GONKA_MODEL": MODEL})
        assert "GONKA_MODE is not set" in gateway.log() and "CANARY" not in gateway.log()
        unnamed = {"messages": [{"role": "user", "content": "hello"}], "temperature": 0.5}
        assert said(post(gateway, "/v1/chat/completions?stream=false", unnamed)) == "You said: hello"
        seen = server.last
        names = [name for name, _ in seen.headers if name != b"authorization"]
        assert names == [
            b"content-type",
            b"x-gonka-timestamp",
            b"x-gonka-signature",
            b"accept",
            b"host",
            b"content-length",
        ]
        assert seen.body == (
            b'{"messages":[{"content":"hello","role":"user"}],"model":"%b","temperature":0.5}'
            % MODEL.encode()
        )
        stream = chat(gateway, MODEL, stream=True)
        assert b"You" in stream.body and b"stream_options" not in server.last.body
        assert respond(gateway).json()["output"][0]["content"][0]["text"] == "You said: hello"
        assert server.last.path == b"/v1/responses"
        assert said(messages(gateway, MODEL)) == "You said: hello"
        listed = gateway.ask("GET", "/v1/models", [gateway.token.bearer]).json()["data"]
        assert [row["id"] for row in listed] == [MODEL]


RECORDED = json.loads((ROOT / "tests/providers/drivers/gonka_reference.json").read_text())
USUAL = {"GONKA_PRIVATE_KEY": "secret-key", "GONKA_SOURCE_URL": "http://<UPSTREAM>"}


def test_the_rust_router_s_requests_leave_byte_for_byte(start: Start) -> None:
    """As they were recorded from it, but for the time and what follows from it."""
    recorded = [one for one in RECORDED if one["settings"] == USUAL and one["body"] != "null"]
    assert len(recorded) > 15
    with FakeServer(
        lambda seen: Answer(200, [("content-type", "application/json")], [b'{"id":"g"}'])
    ) as server:
        gateway = start(
            "uvicorn", {**REFERENCE, "GONKA_PRIVATE_KEY": "secret-key", "GONKA_SOURCE_URL": server.url}
        )
        for one in recorded:
            server.reset()
            headers = [gateway.token.bearer, *(tuple(pair) for pair in one["headers"])]
            answer = gateway.ask("POST", one["path"], headers, one["body"].encode())
            assert server.seen, f"{one['name']}: {answer}"
            seen, expected = server.last, one["seen"]
            stamp = (seen.get("x-gonka-timestamp") or b"").decode()
            payload = f"POST\n{expected['target']}\n{sha256(seen.body).hexdigest()}\n{stamp}"
            signature = sha256(f"secret-key:{payload}".encode()).hexdigest()
            of_now = {
                "x-gonka-timestamp": stamp,
                "x-gonka-signature": signature,
                "host": f"127.0.0.1:{server.port}",
            }
            assert (seen.target.decode(), seen.body.decode()) == (expected["target"], expected["body"]), one[
                "name"
            ]
            assert [(name.decode(), value.decode()) for name, value in seen.headers] == [
                (name, of_now.get(name, value)) for name, value in expected["headers"]
            ], one["name"]


def _with_key(seen: Any) -> Any:
    """Let the strict server pass what carries the Rust router's headers."""
    assert seen.all("x-gonka-signature") and not seen.all("authorization")
    seen.headers.append((b"authorization", b"Bearer " + API_KEY.encode()))
    return seen


def rows(gateway: GatewayProcess, node: GonkaNode, **keys: str) -> None:
    for name, key in keys.items():
        row = {
            "name": name,
            "kind": "gonka",
            "base_url": node.url,
            "api_key": key,
            "options": {"mode": "signed"},
        }
        answer = gateway.admin("POST", "/api/providers", row)
        assert answer.status == 200, answer
        assert key not in answer.body.decode()
        route(gateway, f"m-{name}", name, upstream_model=MODEL)


def test_two_rows_with_keys_of_their_own_and_one_is_rotated(start: Start, nodes: list[GonkaNode]) -> None:
    gateway = start("uvicorn", ALLOWED)
    rows(gateway, nodes[0], blue=KEY, green=OTHER_KEY)

    def requester() -> str:
        [seen] = [seen for node in nodes for seen in node.verified]
        for node in nodes:
            node.reset()
        return (seen.get("x-requester-address") or b"").decode()

    for name, key in {"blue": KEY, "green": OTHER_KEY}.items():
        assert said(chat(gateway, f"m-{name}")) == "You said: hello"
        assert requester() == signer(key).address
    assert gateway.admin("PATCH", "/api/providers/blue", {"api_key": "0x" + OTHER_KEY}).status == 200
    assert said(chat(gateway, "m-blue")) == "You said: hello"
    assert requester() == signer(OTHER_KEY).address
    refused = gateway.admin("PATCH", "/api/providers/blue", {"api_key": "CANARY-no-key"})
    assert refused.status == 400 and "private key" in refused.json()["error"]["message"]
    assert b"CANARY" not in refused.body
    shown = gateway.admin("GET", "/api/providers").body.decode() + gateway.log()
    for key in (KEY, OTHER_KEY):
        assert key not in shown


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"GONKA_MODE": "signed", "GONKA_PRIVATE_KEY": "CANARY-secret-key"}, "GONKA_PRIVATE_KEY"),
        ({"GONKA_MODE": "signed", "GONKA_PRIVATE_KEY": "00" * 32}, "GONKA_PRIVATE_KEY"),
        ({"GONKA_MODE": "broker", "GONKA_BROKER_URL": "https://b/v1"}, "GONKA_BROKER_API_KEY"),
        ({"GONKA_MODE": "wrong", "GONKA_PRIVATE_KEY": "x"}, "GONKA_MODE"),
        ({"GONKA_PRIVATE_KEY": "x", "GONKA_ENDPOINTS": "https://a"}, "GONKA_ENDPOINTS"),
        ({}, "GONKA_PRIVATE_KEY"),
    ],
)
def test_a_setting_that_can_not_work_stops_the_start_and_is_named(
    start: Start, settings: Mapping[str, str], named: str
) -> None:
    with pytest.raises(AssertionError, match="exit 2") as refused:
        start("daphne", {"UPSTREAM_PROVIDER": "gonka", **settings})
    assert named in str(refused.value) and "CANARY" not in str(refused.value)


@pytest.mark.interop
@pytest.mark.timeout(400)
def test_codex_runs_a_command(signed: GatewayProcess, nodes: list[GonkaNode], tmp_path: Path) -> None:
    said = codex_cli.run(codex(), tmp_path, signed.url, signed.token.secret, codex_cli.COMMAND, MODEL)
    codex_cli.check(tmp_path, said)
    assert verified(nodes) >= 2


@pytest.mark.interop
@pytest.mark.timeout(400)
def test_claude_code_runs_a_tool(signed: GatewayProcess, nodes: list[GonkaNode], tmp_path: Path) -> None:
    route(signed, "claude-*", "gonka", upstream_model=MODEL)
    flags = ["-p", claude_code_cli.COMMAND, "--allowedTools", "Bash"]
    said = claude_code_cli.run(claude_code(), tmp_path, signed.url, signed.token.secret, *flags)
    claude_code_cli.check(tmp_path, said)
    assert verified(nodes) >= 2
    assert signed.admin("DELETE", "/api/routes/claude-*").status == 200


def test_what_a_broker_quotes_of_our_key_goes_to_nobody(start: Start) -> None:
    with StrictOpenAi(has_responses=False, models=(MODEL,)) as broker:
        settings = {
            **ALLOWED, "UPSTREAM_PROVIDER": "gonka", "GONKA_BROKER_URL": broker.url, "GONKA_BROKER_API_KEY": API_KEY,
        }  # fmt: skip
        gateway = start("uvicorn", settings)
        quoted = json.dumps({"error": {"message": f"bad key {API_KEY}", "code": 400}}).encode()
        for status in (200, 400):
            for ask in (chat, messages):
                for stream in (False, True):
                    headers = [("content-type", "application/json"), ("x-seen", API_KEY)]
                    broker.say(Answer(status, headers, [quoted]))
                    answer = ask(gateway, MODEL, stream=stream)
                    assert API_KEY not in f"{answer.headers}{answer.body!r}", (status, ask, stream)
        assert API_KEY not in gateway.log()


def test_several_keys_as_accounts_of_one_provider(start: Start, nodes: list[GonkaNode]) -> None:
    """One that can't pay is passed over unseen; testing an account tries its key."""
    gateway = start("uvicorn", ALLOWED)
    row = {
        "name": "g",
        "kind": "gonka",
        "base_url": nodes[0].url,
        "options": {"mode": "signed"},
        "default_model": MODEL,
    }
    assert gateway.admin("POST", "/api/providers", row).status == 200
    route(gateway, MODEL, "g")
    for name, key in {"one": KEY, "two": OTHER_KEY, "stranger": "77" * 32}.items():
        account = {"name": name, "source": "api_key", "provider": "g", "secret": key}
        answer = gateway.admin("POST", "/api/accounts", account)
        assert answer.status in (200, 201) and key not in answer.body.decode(), answer
    told = {
        name: gateway.admin("POST", f"/api/accounts/{name}/test", {}).json() for name in ("one", "stranger")
    }
    assert told["one"]["ok"] is True and told["stranger"]["ok"] is False
    assert signer("77" * 32).address in told["stranger"]["message"]
    for number in range(6):  # a conversation each: one stays with its key
        body = {"model": MODEL, "messages": [{"role": "user", "content": f"hello {number}"}]}
        assert said(post(gateway, "/v1/chat/completions", body)) == f"You said: hello {number}"
    requesters = {seen.get("x-requester-address") for node in nodes for seen in node.verified}
    assert requesters == {signer(key).address.encode() for key in (KEY, OTHER_KEY)}
    assert not any(key in gateway.log() for key in (KEY, OTHER_KEY, "77" * 32))
