"""A stand-in for OpenAI's API and for servers that speak it: strict where a real one is, scripted otherwise.

`StrictOpenAi(has_responses=False)` answers `/v1/responses` 404, as most compatible servers do. It says what the
Anthropic stand-in says to the same words (`RUN`, `BOTH`, `SAY`, `THINK`, `ERROR`, see `tests.fakes.vendor`), and:

- `OVERLOADED`: an error in the middle of the stream
- `REFUSE <text>`: a refusal

Usage in a chat stream is told only when it is asked for.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import openai_responses as responses
from tests.fakes.openai_rules import BrokenRule, check_chat, check_responses
from tests.fakes.openai_saying import MODELS, OUTPUT_TOKENS, Saying, saying
from tests.fakes.server import Answer, FakeServer, Part, Seen
from tests.fakes.vendor import EVENT_STREAM, JSON, pieces

API_KEY = "sk-CANARY-openai-operator-key-0123456789"
REQUEST_ID = "req_fake_openai"
PROMPT_TOKENS, CACHED_TOKENS = 2060, 2048
"""OpenAI's prompt tokens include the cached ones."""

Body = dict[str, Any]

ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("permission_error", None),
    404: ("invalid_request_error", "model_not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", "server_is_overloaded"),
}

_numbers = itertools.count(1)
"""Of responses: no two that this process makes have one id, as at the vendor. A gateway keeps whose each one is."""


def headers(*more: tuple[str, str]) -> list[tuple[str, str]]:
    return [
        ("x-request-id", REQUEST_ID),
        ("openai-organization", "CANARY-organization"),
        ("openai-processing-ms", "12"),
        ("set-cookie", "__cf_bm=CANARY-cookie; path=/"),
        *more,
    ]


def json_answer(body: Body, status: int = 200, *more: tuple[str, str]) -> Answer:
    return Answer(status, [JSON, *headers(*more)], [json.dumps(body).encode()], reason="Answer")


def error_object(status: int, words: str, param: str | None = None) -> Body:
    kind, code = ERRORS.get(status, ("server_error", None))
    return {"error": {"message": words, "type": kind, "param": param, "code": code}}


def error_answer(status: int, words: str = "as the vendor words it: é", param: str | None = None) -> Answer:
    more = [("retry-after", "7")] if status == 429 else []
    return json_answer(error_object(status, words, param), status, *more)


def stream_answer(parts: list[Part]) -> Answer:
    return Answer(200, [EVENT_STREAM, *headers()], parts, "chunked")


# --- Chat Completions --------------------------------------------------------------------------------


def chat_usage(said: Saying) -> Body:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": PROMPT_TOKENS + OUTPUT_TOKENS,
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": said.reasoning_tokens, "audio_tokens": 0},
    }


def _tool_calls(said: Saying) -> list[Body]:
    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in said.calls
    ]


def completion(model: str, said: Saying) -> Body:
    message: Body = {"role": "assistant", "content": said.text, "refusal": said.refusal, "annotations": []}
    if said.calls:
        message["tool_calls"] = _tool_calls(said)
    if said.reasoning:
        message["reasoning_content"] = said.reasoning
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish_reason}
    return {
        "id": "chatcmpl-Fake",
        "object": "chat.completion",
        "created": 1790000000,
        "model": model,
        "choices": [choice],
        "usage": chat_usage(said),
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }


def _deltas(said: Saying) -> list[Body]:
    deltas: list[Body] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"reasoning_content": part} for part in pieces(said.reasoning or "", 7) if part]
    deltas += [{"content": part} for part in pieces(said.text or "", 7) if part]
    deltas += [{"refusal": part} for part in pieces(said.refusal or "", 7) if part]
    for index, call in enumerate(_tool_calls(said)):
        arguments = call["function"]["arguments"]
        first = {**call, "function": {**call["function"], "arguments": ""}}
        deltas.append({"tool_calls": [{"index": index, **first}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": part}}]}
            for part in pieces(arguments, 7)
        ]
    return deltas


def chat_records(body: Body, said: Saying) -> list[bytes]:
    """The stream, one record per item, as OpenAI writes it."""
    has_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    head: Body = {
        "id": "chatcmpl-Fake",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": body["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }
    tail: Body = {"usage": None} if has_usage else {}

    def chunk(choices: list[Body], **more: Any) -> bytes:
        return b"data: " + json.dumps({**head, "choices": choices, **tail, **more}).encode() + b"\n\n"

    def choice(delta: Body, reason: str | None = None) -> list[Body]:
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]

    records = [chunk(choice(delta)) for delta in _deltas(said)]
    records.append(chunk(choice({}, said.finish_reason)))
    if has_usage:
        records.append(chunk([], usage=chat_usage(said)))
    return [*records, b"data: [DONE]\n\n"]


# --- the server --------------------------------------------------------------------------------------


@dataclass
class _Kept:
    """Responses by id: their conversation with their output, as input items."""

    items: dict[str, list[Body]] = field(default_factory=dict)


class StrictOpenAi(FakeServer):
    """`credential` is the only one it takes. `models` beside its own may be asked for too."""

    def __init__(
        self, credential: str = API_KEY, has_responses: bool = True, models: tuple[str, ...] = MODELS
    ) -> None:
        super().__init__(self.answer)
        self.credential = credential
        self.has_responses = has_responses
        self.models = models
        self._kept = _Kept()

    def answer(self, seen: Seen) -> Answer:
        if seen.all("authorization") != [b"Bearer " + self.credential.encode()] or seen.all("x-api-key"):
            return error_answer(401, "Incorrect API key provided")
        path = seen.path.decode("latin-1")
        if seen.method == "GET":
            return self._get(path)
        if (seen.get("content-type") or b"").partition(b";")[0] != b"application/json":
            return error_answer(400, "you must provide a JSON body")
        body = json.loads(seen.body)
        if body.get("model") not in self.models:
            return error_answer(404, f"The model `{body.get('model')}` does not exist", "model")
        try:
            if path == "/v1/chat/completions":
                return self._chat(body)
            if path == "/v1/responses" and self.has_responses:
                return self._responses(body)
            if path == "/v1/embeddings":
                return self._embeddings(body)
        except BrokenRule as rule:
            return error_answer(400, str(rule), rule.param)
        return json_answer(
            {"error": {"message": f"Invalid URL (POST {path})", "type": "invalid_request_error"}}, 404
        )

    def _get(self, path: str) -> Answer:
        models = [
            {"id": name, "object": "model", "created": 1790000000, "owned_by": "fake"} for name in self.models
        ]
        if path == "/v1/models":
            return json_answer({"object": "list", "data": models})
        for model in models:
            if path == f"/v1/models/{model['id']}":
                return json_answer(model)
        return error_answer(404, f"not found: {path}")

    def _chat(self, body: Body) -> Answer:
        said = saying(*check_chat(body))
        if said.status:
            return error_answer(said.status)
        if not body.get("stream"):
            return json_answer(completion(body["model"], said))
        records: list[Part] = list(chat_records(body, said))
        if said.is_overloaded:
            failure = b"data: " + json.dumps(error_object(503, "Overloaded")).encode() + b"\n\n"
            return stream_answer([*records[:2], failure])
        return stream_answer(records)

    def _responses(self, body: Body) -> Answer:
        previous = body.get("previous_response_id")
        if previous and previous not in self._kept.items:
            words = f"Previous response with id '{previous}' not found."
            return error_answer(404, words, "previous_response_id")
        earlier = self._kept.items[previous] if previous else []
        items = check_responses(body, earlier)
        said = saying(*items.newest())
        if said.status:
            return error_answer(said.status)
        response = responses.response(body, said, next(_numbers))
        if body.get("store") is not False:
            self._kept.items[response["id"]] = [*items.all, *response["output"]]
        if not body.get("stream"):
            return json_answer(response)
        records: list[Part] = list(responses.records(response))
        return stream_answer([*records[:3], responses.failed(response)] if said.is_overloaded else records)

    @staticmethod
    def _embeddings(body: Body) -> Answer:
        inputs = [body["input"]] if isinstance(body["input"], str) else body["input"]
        data = [
            {"object": "embedding", "index": index, "embedding": [0.5, float(len(words))]}
            for index, words in enumerate(inputs)
        ]
        usage = {"prompt_tokens": len(inputs), "total_tokens": len(inputs)}
        return json_answer({"object": "list", "data": data, "model": body["model"], "usage": usage})
