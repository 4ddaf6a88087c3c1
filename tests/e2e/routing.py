"""Helpers of tests with several providers: rows made by the API, calls on either surface, what was said."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.harness import GatewayProcess, Token
from tests.rawhttp import Response


def provide(gateway: GatewayProcess, server: OpenAiVendor, name: str = "other", **fields: Any) -> None:
    values = {"name": name, "base_url": f"{server.url}/v1", "api_key": KEY, **fields}
    answer = gateway.admin("POST", "/api/providers", values)
    assert answer.status == 200, answer


def route(gateway: GatewayProcess, model: str, provider: str, **fields: Any) -> None:
    answer = gateway.admin("POST", "/api/routes", {"model": model, "provider": provider, **fields})
    assert answer.status == 200, answer


def chat(gateway: GatewayProcess, model: str, token: Token | None = None, **fields: Any) -> Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **fields}
    return post(gateway, "/v1/chat/completions", body, token)


def messages(gateway: GatewayProcess, model: str, token: Token | None = None, **fields: Any) -> Response:
    body = {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "hello"}], **fields}
    return post(gateway, "/v1/messages", body, token)


def post(gateway: GatewayProcess, path: str, body: Any, token: Token | None = None) -> Response:
    headers = [(token or gateway.token).bearer, ("content-type", "application/json")]
    return gateway.ask("POST", path, headers, json.dumps(body).encode())


def said(answer: Response) -> str:
    assert answer.status == 200, answer
    document = answer.json()
    if "choices" in document:
        return str(document["choices"][0]["message"]["content"])
    return "".join(block["text"] for block in document["content"])


def tied(gateway: GatewayProcess) -> Token:
    issued = gateway.admin("POST", "/api/tokens", {"label": "tied", "provider": "other"}).json()
    return Token(issued["token"], issued["id"])
