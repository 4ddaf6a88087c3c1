"""Contexts of calls, without a relay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from accounts.pool.lease import Lease
from accounts.pool.state import AccountState, Loaded, Terms
from gateway.exchange.attempts import Attempt
from gateway.exchange.context import CallContext
from gateway.exchange.downstream import Downstream, Message, Request, Send
from gateway.exchange.exchange import Exchange
from gateway.exchange.surfaces import SURFACES
from providers.catalog.records import ProviderRecord, Route
from providers.dialects.table import DIALECTS
from providers.dialects.types import Call, Target, Usage, WireRequest
from providers.drivers.table import DRIVERS
from providers.translation.pairs.passthrough import Passthrough
from providers.upstream import Credential, CredentialKind
from tests.gateway.usage.making import NOON
from tokens.limits.ledger import Amount
from tokens.records import Limits, TokenRecord, unrecorded

KEY = Credential(CredentialKind.API_KEY, "key", "00000000")
BODY = b'{"model":"claude-sonnet-5-5","max_tokens":100,"messages":[]}'


class Told(Passthrough):
    """A translator that has seen this."""

    def __init__(self, usage: Usage, model: str | None) -> None:
        super().__init__()
        self._answered_usage, self._answered_model = usage, model
        self.told_tokens = 0

    def written(self, size: int) -> int:
        return self.told_tokens


def context(
    surface: str = "messages",
    body: bytes = BODY,
    own: Limits | None = None,
    send: Send | None = None,
    **exchange: object,
) -> CallContext:
    """Return the context of a call that nobody has been asked for yet."""
    row = next(row for row in SURFACES if row.name == surface)
    request = Request(row.methods[0], row.path.encode(), b"", (), "127.0.0.1")
    downstream = Downstream(None, send, 0.0, None)  # type: ignore[arg-type]  # nothing comes
    seen = Exchange("id-1", NOON, surface=surface, **exchange)  # type: ignore[arg-type]
    asked = call(body, surface)
    holder = token(own or Limits("t"))
    return CallContext(row, row.path.encode(), request, downstream, seen, [], holder, asked, None)


def recording(sent: list[Message]) -> Send:
    """Return the sending side of a server that remembers what leaves."""

    async def send(message: Message) -> None:
        sent.append(message)

    return send


def tell(
    found: CallContext, usage: Usage, model: str | None = "m", sent: str | None = None, **values: object
) -> Attempt:
    """Add an attempt that has told this; return it."""
    provider = ProviderRecord("p", "anthropic", "https://p.test")
    route = Route(provider, "anthropic", Target(model=sent))
    lease = Lease(AccountState(1, Terms("one", "p"), Loaded(KEY)), "one", KEY, None, "m", 0.0)
    request = WireRequest("POST", b"/v1/messages", b"", (), b"{}")
    made = Attempt(route, lease, DRIVERS["anthropic"], Told(usage, model), request)
    for name, value in values.items():
        setattr(made, name, value)
    found.attempts.append(made)
    return made


def call(body: bytes = BODY, surface: str = "messages") -> Call:
    row = next(row for row in SURFACES if row.name == surface)
    fields = DIALECTS[row.dialect].read_call(body)
    return Call(surface, "POST", row.path.encode(), b"", (), body, fields)


def token(own: Limits, shared: Sequence[Limits] = ()) -> TokenRecord:
    return replace(unrecorded(own.ledger, "", (0, 2**40)), own=own).with_shared(tuple(shared))


__all__ = ["Amount", "Told", "call", "context", "recording", "tell", "token"]
