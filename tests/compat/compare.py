"""Compare what two sides did, aspect by aspect, without what differs from run to run: ids, times, addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.compat import bodies
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
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HEX = re.compile(r"\b[0-9a-f]{64}\b")
_JWT = re.compile(r"la_sk_[\w.-]+")
_TIME = re.compile(r"\b1[789]\d{8}\b")
_NONCE = re.compile(r"aes256gcm:[\w+/=]+")


@dataclass(frozen=True)
class Difference:
    """One aspect in which the sides differ.

    `aspect`: `status 401 to 404`, `upstream calls 1 to 0`, `header X`, `body…`, `upstream …`; `more …` is what the
    reference has not, `less …` what ours has not.
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
    found.update(bodies.parts("body", seen.body, content_type, lambda text: blank(side, text)))
    found["upstream calls"] = str(len(seen.upstream))
    for number, call in enumerate(seen.upstream[:1]):
        found.update(_call(side, call, number))
    return found


def differences(title: tuple[str, str], theirs: Aspects, ours: Aspects) -> Iterator[Difference]:
    """Yield every aspect that is not the same; of a status that differs, only that."""
    if theirs.get("status") != ours.get("status"):
        aspect = changed("status", theirs["status"], ours["status"])
        yield Difference(*title, aspect, _with_words(theirs), _with_words(ours))
        return
    for name in sorted({*theirs, *ours} - {WORDS}):
        there, here = theirs.get(name), ours.get(name)
        if there == here:
            continue
        aspect = name
        if name == "upstream calls":
            aspect = changed(name, str(there), str(here))
        elif there is None or here is None:
            aspect = f"{'more' if there is None else 'less'} {name}"
        yield Difference(*title, aspect, there or "(none)", here or "(none)")


def changed(name: str, there: str, here: str) -> str:
    """Return the aspect of a value so small that a rule names it too."""
    return f"{name} {there} to {here}"


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
    return {**found, **bodies.parts(f"{prefix} body", call.body, kind, lambda text: blank(side, text))}
