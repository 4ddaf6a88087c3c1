"""A stand-in for whatever speaks OpenAI's API: chat, Responses when it has them, embeddings, models.

What it does follows from the model's name: `busy…` 503, `limited…` 429, `small…` the prompt does not fit,
`gone…` 404 for the model; anything else answers `<model> heard: <text>`.
"""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.server import Answer, FakeServer, Seen

JSON = ("content-type", "application/json")
KEY = "sk-CANARY-openai-operator-key"
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def json_answer(body: Any, status: int = 200, *more: tuple[str, str]) -> Answer:
    return Answer(status, [JSON, *more], [json.dumps(body).encode()], reason="Answer")


def error(status: int, message: str, code: str | None = None, *more: tuple[str, str]) -> Answer:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    return json_answer(body, status, *more)


def chat(model: str, words: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": words}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_780_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": USAGE,
    }


def chat_stream(model: str, words: str) -> Answer:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_780_000_000, "model": model}
    deltas: list[tuple[dict[str, Any], str | None]] = [
        ({"role": "assistant", "content": ""}, None),
        ({"content": words}, None),
        ({}, "stop"),
    ]
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], "usage": None}
        for delta, reason in deltas
    ]
    chunks.append({**head, "choices": [], "usage": USAGE})
    parts = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    return Answer(200, [("content-type", "text/event-stream")], [*parts, b"data: [DONE]\n\n"], "chunked")


def response(model: str, words: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": words, "annotations": []}]
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_780_000_000,
        "status": "completed",
        "model": model,
        "output": [item],
        "usage": {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18},
    }


class OpenAiVendor(FakeServer):
    """`key` None: it asks for none. `models` is what it lists."""

    def __init__(self, key: str | None = KEY, has_responses: bool = True) -> None:
        super().__init__(self.answer)
        self.key = key
        self.has_responses = has_responses
        self.models: list[str] = ["gpt-test"]

    def bodies(self, path: bytes = b"/v1/chat/completions") -> list[dict[str, Any]]:
        return [json.loads(seen.body) for seen in self.seen if seen.path == path]

    def answer(self, seen: Seen) -> Answer:
        if self.key is not None and seen.all("authorization") != [f"Bearer {self.key}".encode()]:
            return error(401, "Incorrect API key provided", "invalid_api_key")
        if seen.path == b"/v1/models":
            data = [{"id": name, "object": "model", "created": 1, "owned_by": "them"} for name in self.models]
            return json_answer({"object": "list", "data": data})
        if seen.path == b"/v1/embeddings":
            return json_answer({"object": "list", "data": [], "model": json.loads(seen.body)["model"]})
        if seen.path == b"/v1/chat/completions":
            return self._chat(json.loads(seen.body))
        if seen.path == b"/v1/responses" and self.has_responses:
            body = json.loads(seen.body)
            return self._refusal(body["model"]) or json_answer(response(body["model"], "natively"))
        return json_answer({"detail": "Not Found"}, 404)

    def _chat(self, body: dict[str, Any]) -> Answer:
        model = body.get("model", "none")
        if refusal := self._refusal(model):
            return refusal
        content = body["messages"][-1]["content"]
        words = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
        told = f"{model} heard: {words}"
        return chat_stream(model, told) if body.get("stream") else json_answer(chat(model, told))

    @staticmethod
    def _refusal(model: str) -> Answer | None:
        if model.startswith("busy"):
            return error(503, "The server is overloaded", "server_is_overloaded")
        if model.startswith("limited"):
            return error(429, "Rate limit reached", "rate_limit_exceeded", ("retry-after", "30"))
        if model.startswith("small"):
            return error(400, "maximum context length is 8 tokens", "context_length_exceeded")
        if model.startswith("gone"):
            return error(404, f"The model `{model}` does not exist", "model_not_found")
        return None
