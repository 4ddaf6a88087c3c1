"""Canaries: what is secret in this suite appears in no log, no row, no metric, no error and no file."""

from __future__ import annotations

import gzip
import json
from urllib.parse import quote

import pytest

from tests.e2e.calls import ASK, STREAM
from tests.e2e.routing import post, provide
from tests.fakes import vendor as v
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.fakes.server import CUT, Answer
from tests.harness import ADMIN_KEY, TOKEN_SECRET, GatewayProcess
from tests.rawhttp import RawClient

FOREIGN = "sk-ant-api03-CANARY-foreign-key-of-a-client"


def exercise(gateway, vendor, token):
    """Everything that could make a secret slip out: successes, refusals, failures, odd requests."""
    answers = [gateway.messages(ASK), gateway.messages(STREAM)]
    both = [
        ("authorization", f"Bearer {token.secret}x"),
        ("x-api-key", FOREIGN),
        ("cookie", "CANARY-cookie=1"),
    ]
    for method, path, headers in (
        ("POST", "/v1/messages", both),
        ("POST", "/v1/messages", [("x-api-key", FOREIGN)]),
        ("POST", f"/v1/messages?key={FOREIGN}&x-api-key={token.secret}", []),
        ("GET", f"/v1/{token.secret}", [token.bearer]),
        ("GET", f"/nowhere/{FOREIGN}", []),
        ("GET", "/api/tokens/list", [("authorization", f"Bearer {ADMIN_KEY}")]),
        ("GET", "/api/tokens/list", [("authorization", f"Bearer {FOREIGN}")]),
        ("GET", f"/api/tokens/{token.id}", [("authorization", f"Bearer {ADMIN_KEY}")]),
        ("GET", "/v1/accounts", [("authorization", f"Bearer {ADMIN_KEY}")]),
        ("GET", "/v1/usage", [("authorization", f"Bearer {ADMIN_KEY}")]),
        ("GET", "/metrics", [("authorization", f"Bearer {ADMIN_KEY}")]),
        ("GET", "/api/docs", [("authorization", f"Bearer {ADMIN_KEY}")]),
        ("GET", "/admin/login/", []),
    ):
        answers.append(gateway.ask(method, path, headers, ASK if method == "POST" else None))
    vendor.say(v.error_answer(400), Answer(raw_head=b"\x00garbage\r\n", parts=[CUT], framing="none"))
    answers += [gateway.messages(ASK), gateway.messages(ASK)]
    vendor.say(v.stream_answer([v.events("m", v.text("hi"))[0], CUT]))
    answers.append(gateway.messages(STREAM))
    with RawClient(gateway.port) as client:
        client.send(f"GET / HTTP/1.1\r\nauthorization: Bearer {token.secret}\r\nbad header\r\n\r\n".encode())
        client.is_closed()
    gateway.admin("POST", "/api/tokens/revoke", {"id": token.id})
    answers.append(gateway.ask("POST", "/v1/messages", [token.bearer], ASK))
    return answers


@pytest.mark.parametrize("entry_point", ["daphne", "uvicorn", "django"])
def test_no_secret_is_seen_anywhere(start, vendor, entry_point):
    gateway = start(entry_point, {"VERBOSE": "true", "LOG_LEVEL": "debug"})
    token = gateway.issue("canary")
    answers = exercise(gateway, vendor, token)
    commands = [
        gateway.manage("tokens", "list"),
        gateway.manage("tokens", "show", token.id),
        gateway.manage("accounts", "list"),
        gateway.manage("serve", "--help"),
    ]
    gateway.stop()
    secrets = {
        "operator's key": v.API_KEY,
        "client's token": token.secret,
        "its signature": token.secret.rpartition(".")[2],
        "shared token": gateway.token.secret,
        "foreign key": FOREIGN,
        "admin key": ADMIN_KEY,
        "token secret": TOKEN_SECRET,
        "cookie": "CANARY-cookie",
        "organization": "CANARY-organization",
    }
    places = {
        "log": gateway.log().encode(),
        "commands": "".join(commands).encode(),
        "answers": b"".join(answer.body + repr(answer.headers).encode() for answer in answers),
        **{str(path): path.read_bytes() for path in gateway.data_dir.rglob("*") if path.is_file()},
    }
    found = [
        (name, place)
        for place, held in places.items()
        for name, secret in secrets.items()
        if secret.encode() in held
    ]
    assert not found, found


def test_the_log_does_say_something(start, vendor):
    """Or the test above would pass on an empty log."""
    gateway = start("daphne", {"LOG_FORMAT": "json"})
    vendor.say(*[Answer(raw_head=b"", parts=[CUT], framing="none")] * 6)
    answer = gateway.messages(ASK)
    gateway.stop()
    assert answer.get("request-id") in gateway.log()


QUOTED = "sk-CANARY/of+the=operator-0123456789"
"""The key of a provider, as its upstream will quote it."""
LOGIN = "Canary.Session/Key+Of=An-Account~0123456789"
"""Of an account: nothing in its form tells what it is."""


def quoting(secret: str, status: int) -> list[Answer]:
    """Every place where an upstream may quote what it was asked with."""
    forms = [
        secret,
        f"Bearer {secret}",
        quote(secret, safe=""),
        quote(secret, safe="/"),
        secret.replace("/", "\\/"),
    ]
    told = [Answer(status, [v.JSON], [v.error_body(status, f"bad key {form}, go away")]) for form in forms]
    raw = v.error_body(status, f"bad key {secret}")
    headers = [
        ("x-debug-key", secret),
        ("location", f"https://x/?key={secret}"),
        ("www-authenticate", secret),
    ]
    coded = [("content-encoding", "gzip")]
    return [
        *told,
        Answer(status, [v.JSON, *headers], [v.error_body(status, "in the headers")]),
        Answer(status, [v.JSON, *coded], [gzip.compress(raw)]),
        Answer(status, [("content-type", "text/plain")], [f"{secret}\n".encode()]),
        Answer(status, [v.JSON], [json.dumps([{"error": {"message": secret, "code": secret}}]).encode()]),
        Answer(200, [v.JSON, *headers], [json.dumps(v.message("m", v.text("hi"))).encode()]),
    ]


def in_streams(secret: str) -> list[Answer]:
    error = v.event("error", error={"type": "overloaded_error", "message": f"key {secret}"})
    chat = b'data: {"error": {"message": "key %s", "code": "server_error"}}\n\n' % secret.encode()
    begun = v.events("m", v.text("hi"))[:3]
    return [
        v.stream_answer([error]),
        v.stream_answer([*begun, error[:70], 0.05, error[70:]]),
        v.stream_answer([chat]),
        Answer(200, [v.JSON], [json.dumps({"type": "error", "error": {"message": secret}}).encode()]),
        Answer(raw_head=f"HTTP/1.1 {secret}\r\n\r\n".encode(), parts=[CUT], framing="none"),
    ]


CALLED = {"claude-x": "accounts/api-key", "gpt-x": "providers/other"}
"""What is called for a model, and may be on cooldown."""


@pytest.fixture
def quoter():
    with v.Vendor(LOGIN) as own:
        yield own


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_an_upstream_quotes_is_seen_nowhere(start, quoter, form):
    vendor = quoter
    settings = {"VERBOSE": "true", "ANTHROPIC_API_KEY": LOGIN, "RETRY_ATTEMPTS": "1", "LOG_FORMAT": form}
    gateway = start("uvicorn" if form == "json" else "daphne", settings, vendor.url)
    row = {"name": "other", "base_url": f"{vendor.url}/v1", "api_key": QUOTED, "models": ["gpt-x"]}
    assert gateway.admin("POST", "/api/providers", row).status == 200
    answers = []
    for path, model, secret in (
        ("/v1/messages", "claude-x", LOGIN),
        ("/v1/chat/completions", "claude-x", LOGIN),
        ("/model/claude-x/invoke", "claude-x", LOGIN),
        ("/v1/messages", "gpt-x", QUOTED),
        ("/v1/chat/completions", "gpt-x", QUOTED),
        ("/v1/responses", "gpt-x", QUOTED),
    ):
        said = [(answer, False) for status in (400, 401, 429, 500) for answer in quoting(secret, status)]
        for answer, stream in (*said, *((answer, True) for answer in in_streams(secret))):
            vendor.say(*[answer] * 3)
            content = [{"role": "user", "content": "hi"}]
            body = {"model": model, "max_tokens": 9, "messages": content, "input": "hi", "stream": stream}
            answers.append(gateway.ask("POST", path, [gateway.token.bearer], json.dumps(body).encode()))
            vendor.reset()
            assert gateway.admin("POST", f"/api/{CALLED[model]}/clear", {}).status == 200
    vendor.handler = lambda seen: Answer(401, [v.JSON], [v.error_body(401, f"bad {LOGIN} {QUOTED}")])
    gateway.messages(ASK)
    admin = ("/api/accounts", "/api/providers", "/v1/accounts", "/metrics", "/v1/usage", "/v1/models")
    answers += [gateway.admin("GET", path) for path in admin]
    answers += [gateway.admin("POST", f"/api/accounts/{name}/test", {}) for name in ("api-key",)]
    answers.append(gateway.admin("POST", "/api/providers/other/test", {}))
    with pytest.raises(AssertionError) as doctor:  # it finds what is wrong
        gateway.manage("doctor", "--online")
    listed = gateway.manage("accounts", "list")
    gateway.stop()
    places = {
        "log": gateway.log(),
        "doctor": str(doctor.value),
        "list": listed,
        **{f"answer {at}": f"{told.headers}{told.body!r}" for at, told in enumerate(answers)},
        **{
            str(path): path.read_bytes().decode("latin-1")
            for path in gateway.data_dir.rglob("*")
            if path.is_file()
        },
    }
    found = [place for place, held in places.items() if "CANARY" in held or "Canary" in held]
    assert not found, (found, [places[place][:600] for place in found][:3])
    assert "bad key ***, go away" in "".join(places.values())


QUOTING = (
    b'data: {"detail": "key %s"}\n\n',
    b"data: bad key %s\n\n",
    b": key %s\n\n",
    b'{"message": "key %s", "code": 500}\n',
)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/v1/responses"])
def test_the_operators_key_is_taken_out_of_whatever_quotes_it(
    routed: GatewayProcess, other: OpenAiVendor, path: str
) -> None:
    provide(routed, other, models=["gpt-x"], responses="translate")
    chunk = b'data: {"id": "c", "model": "gpt-x", "choices": [{"index": 0, "delta": {"content": "one"}}]}\n\n'
    asked = {"model": "gpt-x", "max_tokens": 9, "stream": True}
    asked |= {"input": "hi"} if path == "/v1/responses" else {"messages": [{"role": "user", "content": "hi"}]}
    for quoting in QUOTING:
        said = quoting.replace(b"%s", KEY.encode())
        other.say(*[Answer(200, [v.EVENT_STREAM, ("x-request-id", KEY)], [chunk, said], "chunked")] * 4)
        told = post(routed, path, asked)
        assert KEY not in told.body.decode() + repr(told.headers), quoting
        other.reset()
        routed.admin("POST", "/api/providers/other/clear", {})
    assert KEY not in routed.log()
