"""Say what a node's refusal means, and tell operators in words what to do about it.

Pure. Nodes answer in plain text or in JSON of several shapes, and the same trouble comes with several statuses: their
words say more than the status.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

import orjson

from providers.dialects.openai_errors import read_failure
from providers.dialects.types import Headers

GONE, CLOCK, KEY, NODES, MODEL = "gonka_gone", "gonka_clock", "gonka_key", "gonka_nodes", "model_not_found"
QUOTA = "insufficient_quota"
BUSY = "gonka_busy"
"""Every node that was tried is busy: the next may not be, so nothing waits for them."""
OPERATOR_CODES = frozenset((GONE, CLOCK, KEY, NODES, QUOTA))
"""Codes of errors that no waiting cures: nothing is put on cooldown for them, so that they are told each time."""

_BALANCE = re.compile(r"insufficient.{0,40}(?:balance|funds|quota)", re.I)
_CLOCK = re.compile(r"(?:timestamp|signature).{0,60}(?:too old|in the future|expired)", re.I)
_USED = re.compile(r"authkey.{0,40}already", re.I)
_KEY = re.compile(
    r"pubkey|public key|(?:participant|account|requester).{0,80}not found|invalid signature", re.I
)
OTHER_STATUSES = frozenset((403, 408, 410, 429))


class Meaning(Enum):
    """The meaning of a refusal for the tries that may follow."""

    FINAL = "final"  # the caller's own mistake: it is told
    OTHER = "other"  # another node may take it
    AGAIN = "again"  # the same node may take it with a fresh time
    KEY = "key"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One node's refusal."""

    status: int
    meaning: Meaning
    message: str
    headers: Headers = ()
    body: bytes = b""

    @property
    def is_openai_shaped(self) -> bool:
        """Tell whether a client of Chat Completions can read it as it is."""
        try:
            document = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return False
        return isinstance(document, dict) and isinstance(document.get("error"), dict)


def refusal(status: int, headers: Headers, body: bytes) -> Refusal:
    """Read a refusal."""
    said = read_failure(status, headers, body).message
    text = body.decode("utf-8", "replace").strip()
    message = text if said == f"The upstream answered {status}" and text else said
    return Refusal(status, _meaning(status, text), message[:500], headers, body)


def _meaning(status: int, text: str) -> Meaning:
    if status == 402 or _BALANCE.search(text):
        return Meaning.BALANCE
    if _CLOCK.search(text) or _USED.search(text):
        return Meaning.AGAIN
    if status == 401 or _KEY.search(text):
        return Meaning.KEY
    if status in OTHER_STATUSES or status >= 500 or status < 400:
        return Meaning.OTHER
    return Meaning.FINAL


@dataclass(frozen=True, slots=True)
class Told:
    """An error in our words."""

    status: int
    message: str
    code: str | None = None
    headers: Headers = ()

    @property
    def body(self) -> bytes:
        """Return it in OpenAI's form."""
        kind = {402: QUOTA, 429: "rate_limit_error", 400: "invalid_request_error"}.get(
            self.status, "server_error"
        )
        param = "model" if self.code == MODEL else None
        error = {"message": self.message, "type": kind, "param": param, "code": self.code}
        return orjson.dumps({"error": error})


def gone() -> Told:
    """Tell that the nodes take no requests from outside any more."""
    return Told(
        502,
        "The Gonka nodes no longer accept direct inference (410 Gone): configure a broker with GONKA_BROKER_URL and "
        "GONKA_BROKER_API_KEY (GONKA_MODE=broker)",
        GONE,
    )


def clock(message: str, skew_seconds: float | None) -> Told:
    """Tell that node and gateway disagree about the time."""
    differs = "" if skew_seconds is None else f" It differs from the node's by about {skew_seconds:+.0f} s."
    text = f"The Gonka node refuses the time of the request: set this machine's clock right (NTP).{differs}"
    return Told(502, f"{text} The node said: {message}", CLOCK)


def key(message: str, address: str, public_key: str) -> Told:
    """Tell that the network does not know the key, or not as ours."""
    text = (
        f"The Gonka node does not accept the signature of {address}: check GONKA_PRIVATE_KEY (or the key stored with "
        f"this provider), and that the public key of this address ({public_key}) is published on the chain"
    )
    return Told(502, f"{text}. The node said: {message}", KEY)


def bad_key(problem: str) -> Told:
    """Tell that there is no private key to sign with."""
    text = f"GONKA_PRIVATE_KEY (or the key stored with this provider) can't sign Gonka requests: {problem}"
    return Told(502, text, KEY)


def balance(message: str, address: str) -> Told:
    """Tell that the requester can't pay."""
    return Told(
        402, f"The Gonka account {address} can't pay: top up its balance. The node said: {message}", QUOTA
    )


def no_nodes(problem: str) -> Told:
    """Tell that nobody is there to ask."""
    return Told(502, f"No Gonka node is known: {problem}", NODES)


def no_model() -> Told:
    """Tell that the call names no model, and there is none to take instead."""
    return Told(400, "model: name one, or set GONKA_MODEL: the network lists no model", MODEL)


def exhausted(last: Refusal | None, tries: int) -> Told:
    """Tell that every node that was tried has failed; `last` None: none has answered."""
    nodes = "the node" if tries == 1 else f"each of {tries} nodes"
    if last is None:
        return Told(502, f"Gonka upstream request failed: no answer from {nodes}", "gonka_unreachable")
    kept = tuple([pair for pair in last.headers if pair[0] in (b"retry-after", b"retry-after-ms")])
    is_busy = last.status == 429
    return Told(
        429 if is_busy else 502,
        f"Gonka upstream request failed: {nodes} refused; the last answered {last.status}: {last.message}",
        BUSY if is_busy else None,
        kept,
    )


def final(last: Refusal) -> Told:
    """Tell the caller's own mistake in the node's words."""
    return Told(last.status, last.message)
