"""The contract between the relay and every driver, with the words in which an answer is classified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

import httpx

from providers.dialects.types import Failure, Translator, WireAnswer, WireRequest
from providers.upstream import Credential, CredentialKind, Upstream

NO_CREDENTIAL = Credential(CredentialKind.NONE, "")
BASE_URL = "base_url"
"""Among the options in memory of a kind that makes URLs of regions: the row's own, as it stands."""
FIELDS = ("region", "project", "workspace", "api")
"""Fields of provider rows that only some kinds have; kept among the row's options, and `model_ids` in its own place."""
UNKNOWN_MODEL = "upstream returned 404: no such model here"
"""The reason of a cooldown that no waiting ends: the caller is told that the model is not there."""


class Outcome(StrEnum):
    """The relay's next step.

    The relay keeps the retry budget and never retries after bytes have left.
    """

    OK = "ok"
    RETRY_OTHER = "retry_other"  # another account may serve it
    GIVE_UP = "give_up"  # the answer goes to the client as it is


class Scope(StrEnum):
    """The extent of a verdict, and so of the cooldown that follows."""

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
    """The meaning of an answer, or of its absence.

    `until` is Unix seconds; None with scope model or account means that the upstream named no time,
    and the pool takes its own backoff.
    """

    outcome: Outcome
    scope: Scope = Scope.REQUEST
    until: float | None = None
    needs_refresh: bool = False
    needs_operator: bool = False  # waiting alone won't cure it: shown as such, tried again at `until`
    is_overflow: bool = False  # the prompt is too long for this model: another one may take it
    is_foreign: bool = (
        False  # it holds what another account or provider signed: without that it may be served
    )
    refuses_tools: bool = False  # told as text they may be understood
    refuses_option: bool = False  # `stream_options`: without it the call may be served
    is_unknown_model: bool = False  # a 404 about the model: it says nothing about the path
    is_warning: bool = False  # near a limit: prefer other accounts
    reason: str = ""
    windows: tuple[QuotaWindow, ...] = ()

    def as_final(self) -> Verdict:
        """Return the same verdict, but nobody else is asked."""
        return replace(self, outcome=Outcome.GIVE_UP)


@dataclass(frozen=True, slots=True)
class RouteOption:
    """A dialect that a provider can be asked in. `is_probe`: it is to be found out whether it has that API."""

    dialect: str
    is_probe: bool = False


class UpstreamEnvelope(Protocol):
    """Another way to write the upstream's dialect on the wire, around a translator: frames, bodies, paths."""

    def wrap(self, inner: Translator) -> Translator:
        """Return a translator that speaks to the upstream in the envelope."""


class Driver(Protocol):
    """What a provider kind knows that nobody else need know. One file per kind, one line in `table.py`.

    Stateless, but for the transport that a kind may bring: the runtime makes one set per event loop.
    """

    kind: str
    label: str  # for people
    words: tuple[str, ...]  # other words for the kind, that rows may be given
    envelope: UpstreamEnvelope | None
    lists_models: bool  # its list of models is merged into ours without being asked for
    list_query: bytes
    has_models_path: bool  # False: there is no list of models to be asked for
    has_native_paths: bool  # it serves its vendor's other paths, as they come
    forwards: bool  # it serves paths that are passed on as they are, such as embeddings
    needs_credential: bool  # without a key or an account it can't be called
    options: Mapping[str, str]  # names of what a row's `options` may say, with their meaning
    maps_models: bool  # models that callers of a foreign dialect name go through the model map
    has_address: bool  # a row says where it is
    counts_tokens: bool  # where its dialect has a path for that
    takes_callers_login: bool  # a row may say that each caller brings its own
    keeps_logins: bool  # a directory of credentials is its own to read and refresh
    stands_in_for: str  # the kind whose calls it can take over
    fields: frozenset[str]  # names of `FIELDS` that its rows have
    needs_base_url: bool  # False: rows may leave it out
    surface: str  # the surface whose callers write this kind's own model ids; "": none
    login: CredentialKind | None  # its accounts' own kind of login, beside keys; None: what is known of none
    regional_prices: str  # the name of price rows that hold for calls that stay in a region; "": none do

    def problem(self, options: Mapping[str, str], key: str) -> tuple[str, str] | None:
        """Return the field and the words of what is wrong with a row's options or key; "": it stores none."""

    def lacking(self) -> str:
        """Return what is missing on this machine to call such a provider; "": nothing."""

    def identity(self, options: Mapping[str, str], key: str) -> str:
        """Return whom a key makes us there, where that is worth telling; "": nobody in particular."""

    def trial(self, model: str) -> WireRequest | None:
        """Return the smallest call that shows whether a credential is taken; None: the list of models shows it."""

    def advice(self, options: Mapping[str, str], status: int) -> str:
        """Return what an operator may do about a refused trial, beside the upstream's words."""

    def is_verbatim(self, options: Mapping[str, str]) -> bool:
        """Tell whether such a provider is asked for nothing that the caller did not ask for."""

    def compacts(self, base_url: str) -> bool:
        """Tell whether a provider at this address sums up Responses conversations by itself."""

    def place(self, base_url: str, options: Mapping[str, str], region: str = "") -> str:
        """Return the base URL that a row's, which may be "", stands for; `region` goes before the row's own."""

    def ambient(self) -> Credential:
        """Return what a provider is called with that has neither a key nor accounts."""

    def id_of(self, model: str, model_ids: Mapping[str, str], options: Mapping[str, str]) -> str:
        """Return what a model is called there: by the row's own ids, else by those that ship."""

    def claims(self, model: str) -> bool:
        """Return whether the name is one of this kind's own, so that its provider serves it unasked."""

    def dialects(self, responses: str, surface: str) -> Sequence[RouteOption]:
        """Return the dialects that such a provider can be asked in for the surface's, best first.

        `responses`: the provider row's field of that name.
        """

    def build(self, upstream: Upstream, request: WireRequest, now: float) -> httpx.Request:
        """Build the request to send: URL from parts, scheme and host pinned to `base_url`, one credential.

        Raises `ForeignUrl`.
        """

    def classify(self, seen: WireAnswer | Failure, now: float) -> Verdict:
        """Say what an answer or its absence means. A `WireAnswer` below 400 may come without its body."""

    def transport(self, shared: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """Return the engine under this kind: usually `shared` itself."""

    async def start(self) -> None:
        """Start what the kind runs beside its calls."""

    async def aclose(self) -> None:
        """Stop it."""
