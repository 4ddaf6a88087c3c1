"""A relay of real parts over a scripted transport and scripted ASGI messages: no sockets, milliseconds a call."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from accounts.pool.pool import Pool, PoolOptions
from accounts.pool.state import AccountState, Terms
from gateway.exchange.context import CallContext
from gateway.exchange.downstream import Message, Request
from gateway.exchange.exchange import Exchange
from gateway.exchange.stored_responses import MemoryBackend, ResponsesStore
from gateway.exchange.surfaces import SURFACES, UNKNOWN, Match, Surface
from gateway.exchange.taps import Tap
from gateway.relay.deps import RelayDeps, RelayOptions
from gateway.relay.relay import Relay
from gateway.relay.watchdog import Watchdog, WatchdogOptions
from gateway.usage.balances import Balances
from gateway.usage.metering import Meter
from gateway.usage.prices.copy import Prices
from providers.catalog.catalog import Catalog
from providers.catalog.records import (
    ANTHROPIC,
    OPENAI_COMPATIBLE,
    ProviderRecord,
    Route,
    RouteRecord,
    key_credential,
)
from providers.catalog.store import Boot
from providers.dialects.table import DIALECTS
from providers.dialects.types import Call, WireAnswer
from providers.drivers.table import DriverSet
from providers.routing import View
from providers.sending import Sender
from tests.accounts.building import key_loaded
from tests.fakes.sealer import PlainSealer
from tests.gateway.relay.scripted import ASK, Script
from tokens.jwt.signing import Claims, sign
from tokens.limits.calendar import Calendar
from tokens.limits.memory import MemoryLedger
from tokens.records import TokenRecord
from tokens.registry import Registry

KEY = b"a-key-of-this-test-a-key-of-this-test"
TOKEN = sign(Claims("caller", 1, 2**40), KEY)
CLAUDE = ProviderRecord(ANTHROPIC, ANTHROPIC, "https://vendor.test")
OPENAI = ProviderRecord(
    "other", OPENAI_COMPATIBLE, "https://other.test/v1", credential=key_credential("sk-other-key")
)


class Sink:
    """Remembers what has ended."""

    def __init__(self) -> None:
        self.seen: list[Exchange] = []

    def concluded(self, exchange: Exchange) -> None:
        self.seen.append(exchange)


class Watching:
    """A tap that remembers the context of each attempt as it was, and the bytes that it is shown."""

    def __init__(self) -> None:
        self.contexts: list[CallContext] = []
        self.before: list[dict[str, Any]] = []
        self.data = b""

    def make(self, context: CallContext, route: Route, call: Call) -> Tap:
        self.contexts.append(context)
        self.before.append(msgspec.structs.asdict(context))
        self.data = b""
        return self

    async def answered(self, answer: WireAnswer) -> None:
        self.data += answer.body

    async def fed(self, data: bytes) -> None:
        self.data += data


class Recordless(Registry):
    """A registry whose table is empty, or holds one `record`; a good signature is enough."""

    record: TokenRecord | None = None

    def authenticate(self, secret: str, now: float) -> TokenRecord:
        return self.record or super().authenticate(secret, now)

    def _fetch(self, sub: str) -> None:
        return None


@dataclass
class Bench:
    """A relay and all that the test looks at."""

    relay: Relay
    deps: RelayDeps
    pool: Pool
    renewed: dict[int, str]  # account id → the key that its row holds when the pool looks again
    script: Script
    sink: Sink
    strangers: Sink
    watching: Watching
    sent: list[Message] = field(default_factory=list)
    was_cut: bool = False
    pieces: int = 1  # in which the client's body comes, slowly
    has_sent: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    send: Callable[[Message], Awaitable[None]] | None = None  # in place of what remembers

    async def call(
        self,
        body: Any = None,
        surface: str = "messages",
        token: str = TOKEN,
        path: bytes | None = None,
        match: Match | None = None,
        method: str = "POST",
        row: Surface | None = None,
        **headers: str,
    ) -> Exchange:
        """Carry one call from ASGI message to record, see that nothing of it stays, and return the record.

        `left` set before: the client goes before its body is in. `path`: one that no surface has, or that of `row`.
        `match`: the row and the path, where the surface's name does not tell them.
        """
        if row is None:
            row = UNKNOWN if path is not None else next(row for row in SURFACES if row.name == surface)
        path = row.path.encode() if path is None else path
        match = match or Match(row, path)
        data = body if isinstance(body, bytes) else json.dumps(ASK if body is None else body).encode()
        own = ((b"authorization", b"Bearer " + token.encode()), (b"content-type", b"application/json"))
        more = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
        request = Request(method, match.path, b"", own + more, "127.0.0.1", self._abort)
        size = max(1, -(-len(data) // self.pieces))
        waiting: list[Message] = [
            {"type": "http.request", "body": data[at : at + size], "more_body": at + size < len(data)}
            for at in range(0, max(1, len(data)), size)
        ]
        self.sent.clear()

        async def receive() -> Message:
            if waiting and not self.left.is_set():
                if self.pieces > 1:
                    await asyncio.sleep(0.01)  # longer than the watchdog's interval
                return waiting.pop(0)
            await self.left.wait()
            return {"type": "http.disconnect"}

        before = len(self.sink.seen) + len(self.strangers.seen)
        await self.relay.carry(match, request, receive, self.send or self._send)
        assert len(self.sink.seen) + len(self.strangers.seen) == before + 1
        self.assert_nothing_stays()
        return (self.sink.seen if self.sink.seen else self.strangers.seen)[-1]

    def assert_nothing_stays(self) -> None:
        """See that every body is closed, every account given back, and nothing watched."""
        assert all(body.is_closed for body in self.script.bodies)
        assert [state.in_flight for state in self.pool.states()] == [0] * len(self.pool.states())
        assert len(self.deps.watchdog) == 0

    async def _send(self, message: Message) -> None:
        self.sent.append(message)
        self.has_sent.set()

    def _abort(self) -> None:
        self.was_cut = True

    @property
    def status(self) -> int:
        """Return the status that the client saw."""
        return next(one["status"] for one in self.sent if one["type"] == "http.response.start")

    @property
    def body(self) -> bytes:
        """Return the bytes that the client got."""
        return b"".join(one.get("body", b"") for one in self.sent if one["type"] == "http.response.body")


def bench(
    script: Script,
    accounts: int = 1,
    providers: Sequence[ProviderRecord] = (),
    routes: Iterable[RouteRecord] = (),
    options: RelayOptions | None = None,
    watchdog: WatchdogOptions | None = None,
) -> Bench:
    """Build a relay for the running event loop: `accounts` accounts of Anthropic's, called key-0, key-1, …"""
    states = [
        AccountState(n, Terms(f"a{n}", ANTHROPIC, position=n), key_loaded(f"key-{n}"))
        for n in range(accounts)
    ]
    renewed: dict[int, str] = {}

    def look_again(account_id: int) -> None:
        if account_id in renewed:
            states[account_id].loaded = key_loaded(renewed[account_id])

    pool = Pool(PoolOptions(jitter=lambda: 0.0), look_again=look_again)
    pool.install_states(states)
    catalog = Catalog(Boot(CLAUDE), pool.has_credentials)
    catalog.install(View({one.name: one for one in (CLAUDE, *providers)}, CLAUDE, tuple(routes)))
    ledger, calendar, prices = MemoryLedger(Calendar("UTC")), Calendar("UTC"), Prices()

    async def flush() -> bool:
        return True

    sink, strangers, watching, sealer = Sink(), Sink(), Watching(), PlainSealer()
    responses = ResponsesStore(MemoryBackend(60.0, time.time), sealer)
    deps = RelayDeps(
        options=options or RelayOptions(),
        registry=Recordless(KEY, accept_unrecorded=True),
        catalog=catalog,
        pool=pool,
        sender=Sender(DriverSet(script)),
        watchdog=Watchdog(watchdog or WatchdogOptions()),
        meter=Meter(ledger, prices, Balances(ledger, calendar, flush)),
        sealer=sealer,
        responses=responses,
        taps={
            name: (responses.tap, watching.make) if dialect.keeps_conversations else (watching.make,)
            for name, dialect in DIALECTS.items()
        },
        sinks=(sink,),
        stranger_sinks=(strangers,),
    )
    return Bench(Relay(deps), deps, pool, renewed, script, sink, strangers, watching)
