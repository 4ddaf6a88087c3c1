"""Canaries: what is secret in this suite appears in no log, no row, no metric, no error and no file."""

from __future__ import annotations

import pytest

from tests.e2e.calls import ASK, STREAM
from tests.fakes import vendor as v
from tests.fakes.server import CUT, Answer
from tests.harness import ADMIN_KEY, TOKEN_SECRET
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
        ("GET", "/api/docs", []),
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


@pytest.mark.parametrize("door", ["daphne", "uvicorn", "django"])
def test_no_secret_is_seen_anywhere(start, vendor, door):
    gateway = start(door, {"VERBOSE": "true", "LOG_LEVEL": "debug"})
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
