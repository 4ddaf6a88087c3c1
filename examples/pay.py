"""Make one paid call: ask, read the challenge, pay with the method `test`, ask again.

    python examples/pay.py http://127.0.0.1:8080 la_sk_... "Say hello"

Nothing but the standard library, so that every step can be seen. With a real method only `payload` differs: stripe
wants a shared payment token, lightning the preimage of the paid invoice.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import urllib.error
import urllib.request
from email.message import Message

PATH = "/v1/chat/completions"
MODEL = "claude-sonnet-5-5"


def post(url: str, token: str, body: bytes, proof: str | None = None) -> tuple[int, Message, bytes]:
    """Send the call; return status, headers and body, whatever the status is."""
    request = urllib.request.Request(url + PATH, body, {"content-type": "application/json"})  # noqa: S310
    request.add_header("authorization", f"Bearer {token}")
    if proof is not None:
        request.add_header("payment-authorization", f"Payment {proof}")
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers, refusal.read()


def challenge_in(headers: Message) -> dict[str, str]:
    """Return the parameters of the first challenge. Each way to pay has a header line of its own."""
    line = headers.get_all("www-authenticate", [])[0]
    pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line)
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in pairs if name != "protocol"}


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def decoded(text: str) -> object:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def main(url: str, token: str, words: str) -> int:
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": words}]}).encode()
    status, headers, answer = post(url, token, body)
    print(f"asked: {status}")
    if status != 402:
        print(answer.decode())
        return 1
    challenge = challenge_in(headers)
    print(f"to pay: {decoded(challenge['request'])} by {challenge['method']}, until {challenge['expires']}")
    proof = encoded({"challenge": challenge, "payload": {"token": "paid"}})
    status, headers, answer = post(url, token, body, proof)
    print(f"paid: {status}")
    if status != 200:
        print(answer.decode())
        return 1
    print(f"receipt: {decoded(headers['payment-receipt'])}")
    print(json.loads(answer)["choices"][0]["message"]["content"])
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
