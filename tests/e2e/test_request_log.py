"""The request log of a real gateway: nothing is kept until a token says so, and nothing secret ever."""

from __future__ import annotations

import json

from tests.e2e.calls import ASK
from tests.harness import Token


def test_a_token_s_calls_are_kept_and_shown_to_the_admin_key(start, vendor) -> None:
    gateway = start("uvicorn")
    body = json.dumps({**json.loads(ASK), "metadata": {"user_id": "sk-ant-api03-abcdefghijklmnop"}}).encode()
    assert gateway.messages(ASK).status == 200
    (plain,) = gateway.exchanges(gateway.token)
    answer = gateway.admin("POST", "/api/tokens", {"label": "kept", "log_requests": True})
    assert answer.json()["log_requests"] is True
    token = Token(answer.json()["token"], answer.json()["id"])
    assert (
        gateway.ask("POST", "/v1/messages", [token.bearer, ("content-type", "application/json")], body).status
        == 200
    )
    (kept,) = gateway.exchanges(token)
    assert gateway.admin("GET", f"/api/requests/{plain['id']}").json()["log"] is None
    log = gateway.admin("GET", f"/api/requests/{kept['id']}").json()["log"]
    assert json.loads(log["request"])["metadata"] == {"user_id": "sk-ant-[redacted]"}
    assert json.loads(log["answer"])["type"] == "message" and log["is_cut"] is False
