"""Write an answer as Chat Completions has it, whole or as a stream. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from providers.crater.task import TaskFailed

ERROR_TYPE = "forgefed_task_error"


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer. `created`: Unix seconds."""

    own_id: str
    created: int
    model: str
    text: str
    usage: Mapping[str, int]


def whole(answer: Completion) -> bytes:
    """Write the answer of a call that does not stream."""
    message = {"role": "assistant", "content": answer.text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return _dumps({**_head(answer, "chat.completion"), "choices": [choice], "usage": dict(answer.usage)})


def stream(answer: Completion) -> bytes:
    """Write the four frames of a stream: it says no usage."""
    steps: tuple[tuple[dict[str, str], str | None], ...] = (
        ({"role": "assistant"}, None),
        ({"content": answer.text}, None),
        ({}, "stop"),
    )
    head = _head(answer, "chat.completion.chunk")
    chunks = (
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        for delta, reason in steps
    )
    return b"".join(b"data: " + _dumps(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def error(failure: TaskFailed) -> bytes:
    """Write an error."""
    return _dumps({"error": {"type": ERROR_TYPE, "message": failure.message}})


def models(names: tuple[str, ...]) -> bytes:
    """Write a list of models."""
    data = [{"id": name, "object": "model", "owned_by": "crater"} for name in names]
    return _dumps({"object": "list", "data": data})


def _head(answer: Completion, kind: str) -> dict[str, object]:
    return {"id": answer.own_id, "object": kind, "created": answer.created, "model": answer.model}


def _dumps(document: object) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
