"""A stand-in for Anthropic's API that gives every answer another usage, and counts what it has served.

`with CountingVendor() as vendor:` runs it as a process of its own, so that it shares no interpreter with the load;
`vendor.counted()` is then `{model: {"requests": n, "input_tokens": n, …}}`, in the words of the gateway's rows.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import defaultdict
from typing import Any, Self

from tests.fakes import vendor as v
from tests.fakes.server import Answer, Seen
from tests.harness import ROOT
from tests.rawhttp import ask

TOKENS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
)
Counts = dict[str, dict[str, int]]


def amounts(number: int) -> dict[str, int]:
    """What the answer of that number has used: zeros, small and large ones, hardly two alike."""
    sizes = (4_001, 90_001, 701, 307, 4_003)
    return {
        name: number * 7_919 * (at + 1) % size
        for at, (name, size) in enumerate(zip(TOKENS, sizes, strict=True))
    }


def usage_of(amount: dict[str, int]) -> dict[str, Any]:
    """In the vendor's words."""
    five, hour = amount["cache_write_5m_tokens"], amount["cache_write_1h_tokens"]
    return {
        "input_tokens": amount["input_tokens"],
        "cache_creation_input_tokens": five + hour,
        "cache_read_input_tokens": amount["cache_read_tokens"],
        "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
        "output_tokens": amount["output_tokens"],
    }


class _Counting(v.Vendor):
    def __init__(self) -> None:
        super().__init__()
        self.served: Counts = defaultdict(lambda: dict.fromkeys(("requests", *TOKENS), 0))
        self.answers = 0

    def answer(self, seen: Seen) -> Answer:
        self.seen.clear()  # tens of thousands come
        if seen.path == b"/counted":
            return v.json_answer(self.served)
        if seen.path != b"/v1/messages":
            return super().answer(seen)
        return self._refusal(seen) or self._counted(json.loads(seen.body))

    def _counted(self, body: dict[str, Any]) -> Answer:
        self.answers += 1
        model, amount = body["model"], amounts(self.answers)
        counts = self.served[model]
        counts["requests"] += 1
        for name, count in amount.items():
            counts[name] += count
        usage = usage_of(amount)
        if not body.get("stream"):
            return v.json_answer({**v.message(model, v.text("counted")), "usage": usage})
        return v.stream_answer(list(_records(model, usage)))


def _records(model: str, usage: dict[str, Any]) -> list[bytes]:
    """A stream as the vendor's: the input is told at its begin, the output at its end."""
    records = v.events(model, v.text("counted"))
    begin = {**v.message(model), "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    records[0] = v.event("message_start", message=begin)
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    records[-2] = v.event("message_delta", delta=ending, usage={"output_tokens": usage["output_tokens"]})
    return records


class CountingVendor:
    """The process; it takes `vendor.API_KEY`."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.fakes.counting_vendor"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://"), "the counting vendor did not start"
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.communicate()

    def counted(self) -> Counts:
        answer = ask(int(self.url.rpartition(":")[2]), "GET", "/counted")
        assert answer.status == 200, answer
        found: Counts = answer.json()
        return found


if __name__ == "__main__":
    with _Counting() as server:
        print(server.url, flush=True)
        threading.Event().wait()
