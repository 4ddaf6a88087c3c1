"""Failover of ROUTING_MODE=hybrid: a command line serves what no account can, and the answer's head says which did.

A class of its own, chosen once: no other mode pays for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.errors import PoolExhausted
from gateway.exchange.attempts import Reply, UpstreamFailed
from gateway.exchange.context import CallContext
from gateway.exchange.surfaces import Action
from gateway.relay.deps import RelayDeps
from gateway.relay.failover import Failover
from providers.catalog.catalog import Route
from providers.dialects.types import Refused
from providers.drivers.base import Outcome

SERVED_BY = b"x-gateway-served-by"
DIRECT, COMMAND_LINE = b"direct", b"cli"


def failover_of(deps: RelayDeps) -> Failover:
    """Return the failover that the options ask for."""
    return HybridFailover(deps) if deps.options.is_hybrid else Failover(deps)


@dataclass(frozen=True, slots=True)
class Direct:
    """What the accounts have answered: a reply, or why there is none; and what the exchange says of it."""

    reply: Reply | None
    error: PoolExhausted | UpstreamFailed | None
    seen: tuple[str, str, int | None]

    def told(self, context: CallContext) -> Reply:
        """Return the reply, or raise the error, with the exchange as it was."""
        exchange = context.exchange
        exchange.provider, exchange.account, exchange.upstream_status = self.seen
        if self.error is not None:
            raise self.error
        if self.reply is None:
            raise AssertionError("there is a reply or an error")
        return self.reply


class HybridFailover(Failover):
    """Accounts first, then the command line."""

    async def send(self, context: CallContext, routes: Sequence[Route]) -> Reply:
        """Return the answer to pass on. Raises what the accounts' way raises."""
        self._say(context, self._server_of(routes[0]))
        reply: Reply | None = None
        error: PoolExhausted | UpstreamFailed | None = None
        try:
            reply = await super().send(context, routes)
        except (PoolExhausted, UpstreamFailed) as exc:
            error = exc
        exchange = context.exchange
        seen = exchange.provider, exchange.account, exchange.upstream_status
        direct = Direct(reply, error, seen)
        other = self._stand_in(context, routes, direct)
        if other is None:
            return self._served(context, direct.told(context))
        self._say(context, COMMAND_LINE)
        try:
            own = await super().send(context, [other])
        except (PoolExhausted, UpstreamFailed, Refused):
            own = None
        if own is not None and own.head.status < 400:
            return own
        self._say(context, DIRECT)
        return direct.told(context)

    def _stand_in(self, context: CallContext, routes: Sequence[Route], direct: Direct) -> Route | None:
        """Return the command line's route, where it may serve this call in place of the accounts."""
        token, surface = context.token, context.surface
        is_elsewhere = context.place is not None or context.call.fields.is_continued
        if token.provider is not None or token.account or is_elsewhere:
            return None  # nobody else may serve
        if not context.downstream.is_open or surface.action is not Action.RELAY or not surface.has_body:
            return None  # a ping's head has said already who serves
        if not isinstance(direct.error, PoolExhausted) and not _is_refused(context, direct.reply):
            return None
        if any(self._server_of(route) is COMMAND_LINE for route in routes):
            return None
        found = map(self._deps.catalog.stand_in, routes)
        return next((route for route in found if route is not None), None)

    def _served(self, context: CallContext, reply: Reply) -> Reply:
        """Say who served, where a chain has gone from one to the other."""
        if context.attempts:
            self._say(context, self._server_of(context.attempts[-1].route))
        return reply

    def _server_of(self, route: Route) -> bytes:
        return COMMAND_LINE if self._deps.catalog.is_command_line(route.provider) else DIRECT

    @staticmethod
    def _say(context: CallContext, server: bytes) -> None:
        context.downstream.set_header(SERVED_BY, server)


def _is_refused(context: CallContext, reply: Reply | None) -> bool:
    """Tell whether another account would have been asked, had there been one; what is wrong with a call stays so."""
    if not context.attempts or (reply is not None and (reply.body is not None or reply.head.status == 400)):
        return False
    verdict = context.attempts[-1].verdict
    is_about_call = verdict.is_overflow or verdict.is_unknown_model
    return verdict.outcome is Outcome.RETRY_OTHER and not is_about_call
