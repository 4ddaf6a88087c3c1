"""Compare what two sides did, aspect by aspect, without what differs from run to run: ids, times, addresses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.compat.exchange import Observed
from tests.compat.sides import Side
from tests.fakes.server import Seen

OUR_OWN = {
    "date",
    "x-gateway-request-id",
    "x-accel-buffering",
    "content-length",
    "transfer-encoding",
    "connection",
}
"""Headers that say nothing of the answer, or that each answer of ours has more."""
LARGE = 1 << 16
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HEX = re.compile(r"\b[0-9a-f]{64}\b")
_JWT = re.compile(r"la_sk_[\w.-]+")
_TIME = re.compile(r"\b1[789]\d{8}\b")
_NONCE = re.compile(r"aes256gcm:[\w+/=]+")


@dataclass(frozen=True)
class Difference:
    """One aspect in which the sides differ.

    `aspect`: `status`, `header X`, `body…`, `upstream …`; of an answer, `more …` for what the reference's has not.
    """

    table: str
    name: str
    aspect: str
    theirs: str
    ours: str

    @property
    def title(self) -> str:
        return f"{self.table}: {self.name}"

    def __str__(self) -> str:
        return (
            f"{self.title}\n    {self.aspect}\n      there {self.theirs[:300]}\n      here  {self.ours[:300]}"
        )


Aspects = dict[str, str]
WORDS = "(words)"
"""Beside the aspects, and no aspect: the beginning of the body, for the report of a status."""


def blank(side: Side, text: str) -> str:
    """Return a text without what differs from run to run."""
    text = side.blank(text)
    for pattern, word in (
        (_JWT, "<token>"),
        (_UUID, "<uuid>"),
        (_HEX, "<hash>"),
        (_NONCE, "<sealed>"),
        (_TIME, "<time>"),
    ):
        text = pattern.sub(word, text)
    return text


def aspects(side: Side, seen: Observed) -> Aspects:
    """Return all that is compared of an exchange, by name."""
    found: Aspects = {"status": str(seen.status), "cut": str(seen.is_cut)}
    found[WORDS] = blank(side, seen.body[:400].decode("utf-8", "backslashreplace"))
    for name, value in _folded(seen.headers):
        if name not in OUR_OWN:
            found[f"header {name}"] = blank(side, value)
    content_type = dict(seen.headers).get("content-type", "")
    found.update(_body("body", side, seen.body, content_type))
    found["upstream calls"] = str(len(seen.upstream))
    for number, call in enumerate(seen.upstream[:1]):
        found.update(_call(side, call, number))
    return found


def differences(title: tuple[str, str], theirs: Aspects, ours: Aspects) -> Iterator[Difference]:
    """Yield every aspect that is not the same; of a status or number of calls that differs, only that."""
    for names in (("status",), ("upstream calls",)):
        for name in names:
            if theirs.get(name) != ours.get(name):
                if name == "status":
                    yield Difference(*title, name, _with_words(theirs), _with_words(ours))
                    return
                yield Difference(*title, name, theirs.get(name, ""), ours.get(name, ""))
    for name in sorted({*theirs, *ours} - {"status", "upstream calls", WORDS}):
        if theirs.get(name) != ours.get(name):
            more = "more " if name not in theirs and not name.startswith("upstream") else ""
            yield Difference(*title, more + name, theirs.get(name, "(none)"), ours.get(name, "(none)"))


def _with_words(seen: Aspects) -> str:
    return f"{seen['status']} {seen.get(WORDS, '')}"


def _folded(headers: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    names = dict.fromkeys(name for name, _ in headers)
    for name in names:
        yield name, " | ".join(value for key, value in headers if key == name)


def _call(side: Side, call: Seen, number: int) -> Aspects:
    prefix = "upstream"
    found = {
        f"{prefix} method": call.method,
        f"{prefix} path": blank(side, call.path.decode("latin-1")),
        f"{prefix} query": blank(side, call.query.decode("latin-1")),
    }
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in call.headers]
    for name, value in _folded(headers):
        if name not in ("content-length", "transfer-encoding", "connection", "host"):
            found[f"{prefix} header {name}"] = blank(side, value)
    kind = next((value for name, value in headers if name == "content-type"), "")
    return {**found, **_body(f"{prefix} body", side, call.body, kind)}


def _body(prefix: str, side: Side, raw: bytes, kind: str) -> Aspects:
    if len(raw) > LARGE:
        return {prefix: f"{len(raw)} bytes"}
    if "event-stream" in kind:
        events = _events(raw)
        if any(
            isinstance(event, dict) and str(event.get("type")).startswith("response.") for event in events
        ):
            return {f"{prefix} events": blank(side, json.dumps(events, ensure_ascii=False))}
        return _leaves(prefix, events, lambda text: blank(side, text))
    try:
        value = json.loads(raw)
    except ValueError:
        return {prefix: blank(side, raw.decode("utf-8", "backslashreplace"))}
    return _leaves(prefix, value, lambda text: blank(side, text))


def _events(raw: bytes) -> list[Any]:
    events: list[Any] = []
    for block in raw.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = b"\n".join(line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:"))
        if data:
            try:
                events.append(json.loads(data))
            except ValueError:
                events.append(data.decode("utf-8", "backslashreplace"))
    return events


def _leaves(prefix: str, value: Any, words: Callable[[str], str]) -> Aspects:
    """Return the value's leaves by their paths; empty objects and lists are leaves."""
    if isinstance(value, dict) and value:
        found: Aspects = {}
        for key, inner in value.items():
            found.update(_leaves(f"{prefix}.{words(str(key))}", inner, words))
        return found
    if isinstance(value, list) and value:
        found = {}
        for number, inner in enumerate(value):
            found.update(_leaves(f"{prefix}[{number}]", inner, words))
        return found
    return {prefix: words(json.dumps(value, ensure_ascii=False))}
