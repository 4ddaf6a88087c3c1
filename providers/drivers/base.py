"""What every driver gives the relay, and the words in which it judges an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import httpx

from providers.dialects.types import Failure, WireAnswer, WireRequest
from providers.upstream import Upstream

UNKNOWN_MODEL = "upstream returned 404: no such model here"
"""The reason of a rest that no waiting ends: who asks for the model is told that it is not there."""


class Outcome(StrEnum):
    """What the relay does next. It keeps the retry budget and never retries after bytes have left."""

    OK = "ok"
    RETRY_OTHER = "retry_other"  # another account may serve it
    RETRY_SAME = "retry_same"  # the same account, once, after `needs_refresh` was seen to
    GIVE_UP = "give_up"  # the answer goes to the client as it is


class Scope(StrEnum):
    """What the answer says something about, and so what has to rest."""

    REQUEST = "request"
    MODEL = "model"  # account x model
    FAMILY = "family"  # account x family of the model that was asked
    ACCOUNT = "account"
    PROVIDER = "provider"  # the upstream's own fault, whichever account asked


@dataclass(frozen=True, slots=True)
class QuotaWindow:
    """One rate-limit window as the upstream reported it."""

    name: str  # "5h", "7d", "7d_opus", "requests", "input-tokens", ...
    status: str = ""  # allowed | allowed_warning | rejected | "" when the form has none
    used_fraction: float | None = None  # 0..1, may exceed 1
    resets_at: float | None = None  # Unix seconds


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer, or its absence, means.

    `until` is Unix seconds; None with scope model or account means that the upstream named no time,
    and the pool takes its own backoff.
    """

    outcome: Outcome
    scope: Scope = Scope.REQUEST
    until: float | None = None
    needs_refresh: bool = False
    needs_operator: bool = False  # waiting alone won't cure it: shown as such, tried again at `until`
    is_overflow: bool = False  # the prompt is too long for this model: another one may take it
    is_unknown_model: bool = False  # a 404 about the model: it says nothing about the path
    is_warning: bool = False  # near a limit: prefer other accounts
    reason: str = ""
    windows: tuple[QuotaWindow, ...] = ()


class Driver(Protocol):
    """One per provider kind."""

    kind: str
    dialect: str

    def build(self, upstream: Upstream, request: WireRequest) -> httpx.Request:
        """The request to send: URL from parts, scheme and host pinned to `base_url`, one credential."""

    def classify(self, seen: WireAnswer | Failure, now: float) -> Verdict:
        """`now` in Unix seconds. A `WireAnswer` below 400 may come without its body."""

    def transport(self, shared: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """The engine under this kind: usually `shared` itself."""
