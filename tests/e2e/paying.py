"""A caller that pays: reads challenges, makes credentials, and asks again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from typing import Any

from tests.harness import GatewayProcess
from tests.rawhttp import Headers, Response

CHAT = "/v1/chat/completions"
PROBLEM = "https://paymentauth.org/problems/"
SECRET = "CANARY-secret-of-the-challenges-0123456789"
TEST = {
    "MPP_ENABLE": "true",
    "MPP_AMOUNT": "0.05",
    "MPP_CURRENCY": "USD",
    "MPP_RECIPIENT": "acct_or_wallet",
    "MPP_METHOD": "test",
    "MPP_ALLOW_TEST": "true",
    "MPP_REALM": "router.example",
    "MPP_SECRET": SECRET,
    "RETRY_ATTEMPTS": "1",
}
"""Settings of a gateway that can be paid without money."""
PAID = {"token": "paid"}
_PARAMETER = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Challenge = dict[str, str]


def chat_body(words: str = "hi", **more: object) -> bytes:
    message = {"role": "user", "content": words}
    return json.dumps({"model": "claude-sonnet-5-5", "messages": [message], **more}).encode()


def challenges(answer: Response) -> list[Challenge]:
    """Return the parameters of every challenge of an answer."""
    found = []
    for line in answer.all("www-authenticate"):
        assert line.startswith("Payment "), line
        found.append(parameters(line))
    return found


def parameters(line: str) -> Challenge:
    pairs = _PARAMETER.findall(line.removeprefix("Payment "))
    assert len({name for name, _ in pairs}) == len(pairs), line
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in pairs}


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def decoded(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def credential(challenge: Challenge, payload: object = PAID) -> tuple[str, str]:
    """Return the header that presents a payload for a challenge."""
    echoed = {name: value for name, value in challenge.items() if name != "protocol"}
    return "payment-authorization", f"Payment {encoded({'challenge': echoed, 'payload': payload})}"


def signed(challenge: Challenge, secret: str = SECRET, **changes: str) -> Challenge:
    """Return the challenge with these changes, under an id that the secret makes for it."""
    changed = {**challenge, **changes}
    names = ("realm", "method", "intent", "request", "expires", "digest", "opaque", "header")
    slots = "|".join(changed.get(name, "") for name in names)
    made = hmac.new(secret.encode(), slots.encode(), hashlib.sha256).digest()
    return {**changed, "id": base64.urlsafe_b64encode(made).rstrip(b"=").decode()}


def asked(
    gateway: GatewayProcess, body: bytes, *headers: tuple[str, str], path: str = CHAT, has_token: bool = True
) -> Response:
    bearer: Headers = [gateway.token.bearer] if has_token else []
    return gateway.ask("POST", path, [("content-type", "application/json"), *bearer, *headers], body)


def challenge_for(gateway: GatewayProcess, body: bytes, path: str = CHAT) -> Challenge:
    """Return the first challenge for a call."""
    answer = asked(gateway, body, path=path)
    assert answer.status == 402, answer
    return challenges(answer)[0]


def paid(
    gateway: GatewayProcess, body: bytes, *headers: tuple[str, str], payload: object = PAID, path: str = CHAT
) -> Response:
    """Ask, pay, and ask again."""
    return asked(gateway, body, credential(challenge_for(gateway, body, path), payload), *headers, path=path)


def problem(answer: Response) -> tuple[int, str]:
    """Return status and problem type; fail where the answer is no problem, or has a receipt."""
    assert answer.get("content-type") == "application/problem+json", answer
    assert answer.get("payment-receipt") is None
    assert answer.get("cache-control") == "no-store"
    told = answer.json()
    assert told["status"] == answer.status
    assert told["error"]["message"]
    assert bool(challenges(answer)) == (answer.status == 402)
    return answer.status, told["type"].removeprefix(PROBLEM)


def payments(gateway: GatewayProcess) -> list[dict[str, Any]]:
    """Return the rows, newest first, as the management API tells them."""
    answer = gateway.admin("GET", "/api/payments")
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = answer.json()["payments"]
    return found
