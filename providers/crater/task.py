"""Turn a Chat Completions request into a ticket, and a ticket into an Offer. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

CONTEXTS = ("https://www.w3.org/ns/activitystreams", "https://forgefed.org/ns")
USUAL_TITLE = "OpenAI chat request"


class TaskFailed(Exception):
    """The task has no answer. `status` and `message` are what the caller gets."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Task:
    """A ticket to offer."""

    model: str
    title: str
    content: str
    assignee: str = ""
    attributed_to: str = ""  # as the caller asks
    is_stream: bool = False


def read_task(body: bytes) -> Task:
    """Read a request. Raises `TaskFailed`, in the Rust router's words."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    given = document if isinstance(document, dict) else {}
    model, messages = given.get("model"), given.get("messages")
    if not isinstance(model, str) or not model.strip():
        raise TaskFailed(400, "model is required")
    if not isinstance(messages, list):
        raise TaskFailed(400, "messages array is required")
    said = list(_said(messages))
    metadata = given.get("metadata")
    extras: Mapping[str, object] = metadata if isinstance(metadata, dict) else {}
    attributed = extras["attributedTo"] if "attributedTo" in extras else extras.get("attributed_to")
    return Task(
        model=model,
        title=_trimmed(extras.get("title")) or _first_line(said) or USUAL_TITLE,
        content="\n".join(f"{role}: {text}" for role, text in said),
        assignee=_trimmed(extras.get("assignee")),
        attributed_to=_trimmed(attributed),
        is_stream=given.get("stream") is True,
    )


def offer(task: Task, own_id: str, actor: str, target: str) -> bytes:
    """Write the Offer of a ticket, sent by our actor."""
    ticket: dict[str, object] = {
        "type": "Ticket",
        "context": target,
        "attributedTo": task.attributed_to or actor,
        "summary": task.title,
        "content": task.content,
        "mediaType": "text/plain",
        "source": {"mediaType": "text/plain", "content": task.content},
        "model": task.model,
    }
    if task.assignee:
        ticket["assignee"] = task.assignee
    document = {
        "@context": list(CONTEXTS),
        "id": own_id,
        "type": "Offer",
        "actor": actor,
        "to": [target],
        "target": target,
        "object": ticket,
    }
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def _said(messages: list[object]) -> Iterator[tuple[str, str]]:
    """Return role and text of every message that has a text."""
    for message in messages:
        if isinstance(message, dict) and "content" in message:
            text = _text(message["content"])
            role = message.get("role")
            if text:
                yield (role if isinstance(role, str) else "user"), text


def _text(content: object) -> str:
    """Return a content's text: of parts those that have one, of anything else its JSON."""
    if isinstance(content, str):
        return content.strip()
    if not isinstance(content, list):
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
    parts = (_trimmed(_part(part)) for part in content if isinstance(part, dict))
    return "\n".join(part for part in parts if part)


def _part(part: Mapping[str, object]) -> object:
    text = part.get("text")
    return text if isinstance(text, str) else part.get("content")


def _first_line(said: list[tuple[str, str]]) -> str:
    first = next((text for role, text in said if role == "user"), "")
    return first.split("\n", 1)[0].removesuffix("\r")


def _trimmed(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
