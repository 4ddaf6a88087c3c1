"""A vendor that keeps batches, files, skills and containers, each for the credential that made it."""

from __future__ import annotations

import itertools
import json
import threading
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.server import Answer, Seen
from tests.fakes.vendor import (
    EVENT_STREAM,
    JSON,
    Vendor,
    error_answer,
    events,
    json_answer,
    message,
    text,
)

COLLECTIONS = {"/v1/messages/batches": "msgbatch", "/v1/files": "file", "/v1/skills": "skill"}


class StoringVendor(Vendor):
    """`holders`: which credential holds an object; `asked`: who asked for what."""

    def __init__(self) -> None:
        super().__init__(credential=None)
        self.holders: dict[str, str] = {}
        self.asked: list[tuple[str, str, str]] = []  # credential, method, path
        self.batches: dict[str, list[dict[str, Any]]] = {}  # the calls of each
        self.running: set[str] = set()  # batches that have not ended
        self._numbers = itertools.count(1)
        self._guard = threading.Lock()

    def answer(self, seen: Seen) -> Answer:
        given = [value.removeprefix(b"Bearer ") for value in seen.all("authorization")] + seen.all(
            "x-api-key"
        )
        credential, path = given[0].decode(), urlsplit(seen.target.decode()).path
        with self._guard:
            self.asked.append((credential, seen.method, path))
        if path == "/v1/messages":
            return self._message(credential, json.loads(seen.body))
        for collection, prefix in COLLECTIONS.items():
            if path == collection and seen.method == "POST":
                return self.told(self._make(prefix, credential, seen.body))
            if path.startswith(collection + "/"):
                name, _, rest = path[len(collection) + 1 :].partition("/")
                return self._of_object(credential, seen.method, name, rest)
        return error_answer(404, f"not here: {path}")

    def _make(self, prefix: str, credential: str, body: bytes = b"") -> str:
        with self._guard:
            name = f"{prefix}_01Made{next(self._numbers):06d}"
            self.holders[name] = credential
            if prefix == "msgbatch":
                self.batches[name] = json.loads(body)["requests"]
        return name

    def _of_object(self, credential: str, method: str, name: str, rest: str) -> Answer:
        if prefix_of(name) == "" and method == "GET":
            return json_answer({"id": name, "type": "skill", "source": "anthropic"})
        if self.holders.get(name) != credential:
            return error_answer(404, f"no such object at this account: {name}")
        if method == "DELETE":
            del self.holders[name]
            return json_answer({"id": name, "type": "object_deleted"})
        if rest == "results":
            lines = [result_of(asked) for asked in self.batches.get(name, ())]
            return Answer(headers=[("content-type", "application/x-jsonl")], parts=lines, framing="chunked")
        if rest == "content":
            return Answer(
                headers=[("content-type", "text/plain")], parts=[b"the content of " + name.encode()]
            )
        return self.told(name)

    def told(self, name: str) -> Answer:
        prefix = prefix_of(name)
        told: dict[str, Any] = {"id": name, "created_at": "2026-11-24T00:00:00Z"}
        if prefix == "msgbatch":
            counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
            told |= {
                "type": "message_batch", "request_counts": counts,
                "processing_status": "in_progress" if name in self.running else "ended",
                "ended_at": None, "expires_at": "2026-11-25T00:00:00Z", "archived_at": None,
                "cancel_initiated_at": None, "results_url": f"{self.url}/v1/messages/batches/{name}/results",
            }  # fmt: skip
        elif prefix == "file":
            told |= {
                "type": "file",
                "filename": "a.txt",
                "mime_type": "text/plain",
                "size_bytes": 3,
                "downloadable": False,
            }
        else:
            told |= {
                "type": "skill",
                "display_title": "a skill",
                "latest_version": "1",
                "source": "custom",
                "updated_at": "2026-11-24T00:00:00Z",
            }
        return json_answer(told)

    def _message(self, credential: str, call: dict[str, Any]) -> Answer:
        text_of = json.dumps(call["messages"])
        named = [name for name in self.holders if f'"{name}"' in text_of]
        container = call.get("container")
        named += [container] if isinstance(container, str) else []
        credit = call.get("fallback_credit_token")
        named += [credit["token"] if isinstance(credit, dict) else credit] if credit else []
        for name in named:
            if self.holders.get(name) != credential:
                return error_answer(404, f"no such object at this account: {name}")
        made: dict[str, Any] = {}
        if "REFUSE" in text_of and not credit:
            details = {"type": "refusal", "fallback_credit_token": self._make("fct", credential)}
            made = {"stop_reason": "refusal", "stop_details": details}
        blocks = [text("fine")]
        if "code_execution" in json.dumps(call.get("tools", [])):
            name = container if isinstance(container, str) else self._make("container", credential)
            made = {"container": {"id": name, "expires_at": "2026-12-01T00:00:00Z"}}
            output = {"type": "bash_code_execution_output", "file_id": self._make("file", credential)}
            result = {
                "type": "bash_code_execution_result",
                "stdout": "",
                "stderr": "",
                "return_code": 0,
                "content": [output],
            }
            blocks = [
                {"type": "bash_code_execution_tool_result", "tool_use_id": "srvtoolu_1", "content": result},
                *blocks,
            ]
        if call.get("stream"):
            records = events(call["model"], *blocks)
            if made:
                ending = {"stop_reason": "end_turn", "stop_sequence": None} | made
                data = json.dumps({"type": "message_delta", "delta": ending, "usage": {"output_tokens": 34}})
                records[-2] = f"event: message_delta\ndata: {data}\n\n".encode()
            return Answer(headers=[EVENT_STREAM], parts=records, framing="chunked")
        return json_answer({**message(call["model"], *blocks), **made})


def result_of(asked: dict[str, Any]) -> bytes:
    """Return the line of a batch's results for this call, which has used 1000 tokens and written 100."""
    answer = message(asked["params"]["model"], text("hi"))
    answer["usage"] = {"input_tokens": 1000, "output_tokens": 100, "service_tier": "batch"}
    result = {"type": "succeeded", "message": answer}
    return json.dumps({"custom_id": asked["custom_id"], "result": result}).encode() + b"\n"


def prefix_of(name: str) -> str:
    """Return the sort of an id; "" for the vendor's own skills."""
    return name.partition("_")[0] if "_" in name else ""


__all__ = ["JSON", "StoringVendor"]
