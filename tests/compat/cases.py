"""Cases as data: a line of JSON each, in `tables/`. What a line may hold stands in `Case`."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from tests.fakes.server import CUT, RESET, Answer

TABLES = Path(__file__).parent / "tables"
SECRET, ADMIN_KEY = "golden-secret", "golden-admin"
MESSAGE = (
    '{"id":"msg_01","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929",'
    '"content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","stop_sequence":null,'
    '"usage":{"input_tokens":11,"cache_creation_input_tokens":5,"cache_read_input_tokens":7,"output_tokens":23}}'
)
MESSAGE_ANSWER = Answer(200, [("content-type", "application/json")], [MESSAGE.encode()])


@dataclass(frozen=True)
class Case:
    """One request to both sides.

    `setup`: `env` (null unsets), `files` of the Claude home, `accounts` (their number), `stored` providers, `fresh`
    (any word: another process than the cases before). `answers`: what the upstream says to the calls that reach
    it: `[status, headers, body]`, or "connection closed"; the last one is repeated. Bodies are text, or
    `{"base64": …}`, `{"text": [part or {"repeat", "times"}]}`, `{"chunks": […, seconds, "ABORT"]}`.
    """

    table: str
    name: str
    setup: dict[str, Any]
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes | None
    answers: list[Any]

    @property
    def title(self) -> str:
        return f"{self.table}: {self.name}"

    @property
    def process(self) -> str:
        """Cases of a table with the same word share a process."""
        return self.table + json.dumps(self.setup, sort_keys=True)


def load(only: str = "") -> list[Case]:
    """Return every case whose title holds a text."""
    found = []
    for path in sorted(TABLES.glob("*.jsonl")):
        for line in filter(None, path.read_text().split("\n")):
            raw = json.loads(line)
            method, target, headers, body = (*raw["request"], None)[:4]
            case = Case(
                path.stem, raw["name"], raw.get("setup", {}), method, target,
                [(name, value) for name, value in headers],
                None if body is None else content(body), raw.get("answers", []),
            )  # fmt: skip
            if only in case.title:
                found.append(case)
    return found


def content(body: Any) -> bytes:
    """Return the bytes that a body stands for."""
    if isinstance(body, str):
        return body.replace("<MESSAGE>", MESSAGE).encode()
    if body is None:
        return b""
    if "base64" in body:
        return base64.b64decode(body["base64"])
    parts = [part if isinstance(part, str) else part["repeat"] * part["times"] for part in body["text"]]
    return "".join(parts).encode()


def answer_of(told: Any, fill: Any) -> Answer:
    """Return what the fake upstream plays; `fill` puts addresses into texts."""
    if told == "connection closed":
        return Answer(raw_head=b"", parts=[CUT], framing="none")
    status, headers, body = told
    headers = [(name, fill(value)) for name, value in headers if name not in ("content-length", "date")]
    if isinstance(body, dict) and "chunks" in body:
        parts = [
            RESET if part == "ABORT" else fill(part).encode() if isinstance(part, str)
            else content(part) if isinstance(part, dict) else min(part, 0.05)
            for part in body["chunks"]
        ]  # fmt: skip
        return Answer(status, headers, parts, "chunked")
    raw = content(body)
    return Answer(status, headers, [fill(raw.decode()).encode() if isinstance(body, str) else raw])


def token(exp: int = 4102444800, subject: int = 1) -> str:
    """Return a valid token that no store knows."""
    claims = {
        "sub": f"00000000-0000-4000-8000-{subject:012}",
        "iat": 1700000000,
        "exp": exp,
        "label": "golden",
    }
    return "la_sk_" + jwt.encode(claims, SECRET, "HS256")
