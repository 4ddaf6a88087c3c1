"""Fail over from provider to provider until an upstream's answer may begin, in the order of the routes.

What fails here fails before a byte of content has left, so another account or provider may still be tried,
within one budget per call.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from accounts.errors import PoolExhausted
from gateway.exchange.attempts import Attempt, Budget, Reply, UpstreamFailed
from gateway.exchange.context import CallContext
from gateway.exchange.surfaces import Action
from gateway.objects.calls import thread_not_found
from gateway.relay.admission import admit_model
from gateway.relay.deps import RelayDeps
from gateway.relay.foreign import Takeovers
from gateway.relay.rotation import ENDS, Rotation
from providers.catalog.catalog import Route, Want
from providers.dialects.envelopes import COUNT_TOKENS
from providers.dialects.mending import UNWRITABLE, as_refusal
from providers.dialects.openai_responses import INPUT_TOKENS
from providers.dialects.table import DIALECTS
from providers.dialects.types import Call, Failure, FailureKind, Refused
from providers.drivers.base import Outcome
from providers.translation.messages import count_tokens
from providers.translation.pairs.passthrough import Passthrough
from providers.translation.responses.stored_items import continues_background
from providers.words import clean_failure

ESTIMATES = {
    COUNT_TOKENS: count_tokens.estimate_answer,
    INPUT_TOKENS: count_tokens.estimate_input_tokens,
}
"""Our own counts, by the path at which tokens are counted: for upstreams that cannot count."""
NO_SUCH_PATH = (404, 405, 501)
"""Statuses of servers that speak Responses and do not count: that says nothing of the rest of the API."""


class Failover:
    """Finds the answer to a call; belongs to one event loop."""

    def __init__(self, deps: RelayDeps) -> None:
        self._deps = deps
        self._rotation = Rotation(deps)
        self._takeovers = Takeovers()

    def routes(self, context: CallContext) -> Sequence[Route]:
        """Return where the call may go, best first. Raises what the catalog raises, and `Refused`."""
        surface, call, token = context.surface, context.call, context.token
        routes = self._deps.catalog.routes(
            Want(
                dialect=DIALECTS[surface.dialect].pair,
                model=call.fields.model,
                provider=token.provider,
                is_forward=surface.action is Action.FORWARD,
                is_native=not surface.has_body,
                cloud_id=call.cloud_id,
                surface=surface.dialect if call.cloud_id else "",
            )
        )
        if not token.is_model_restricted:
            return routes
        admitted = [route for route in routes if self._is_admitted(context, route)]
        if not admitted:
            admit_model(token, routes[0].target.model or "")
        return admitted

    @staticmethod
    def _is_admitted(context: CallContext, route: Route) -> bool:
        served = route.target.model
        return served is None or served == context.call.fields.model or context.token.may_use_model(served)

    async def ask(self, context: CallContext) -> Reply:
        """Return the answer of whoever serves the call. Raises what `routes` and `send` raise."""
        return await self.send(context, self.routes(context))

    async def send(self, context: CallContext, routes: Sequence[Route]) -> Reply:
        """Return the answer to pass on. Raises `PoolExhausted`, `UpstreamFailed`, `Refused`."""
        options = self._deps.options
        budget = Budget(options.retry_attempts, time.monotonic() + options.retry_seconds)
        last: Attempt | None = None
        shut: PoolExhausted | None = None
        for place, route in enumerate(routes, 1):
            path = context.call.path
            if path in ESTIMATES and not self._counts(route, path):
                return self._counted(context)
            budget.excluded.clear()
            budget.reserved = len(routes) - place
            try:
                last = await self._call(context, route, routes[: place - 1], budget)
            except PoolExhausted as exc:
                shut = _sooner(shut, exc)
                continue
            except Refused:
                if last is None or (last.reply is not None and last.reply.body is not None):
                    raise
                break  # a fallback that can't carry this call: the answer before it stands
            verdict = last.verdict
            if path == INPUT_TOKENS and last.status in NO_SUCH_PATH:
                await last.close()
                return self._counted(context)
            if route.is_probe and last.status in (404, 405) and not verdict.is_unknown_model:
                self._deps.catalog.lacks(route)
                continue
            is_final = verdict.outcome in ENDS and not verdict.is_overflow
            is_final = is_final or context.call.fields.is_continued
            if is_final or context.downstream.has_content or budget.is_over(time.monotonic()):
                break
        if last is None and shut is not None:
            if (thread := context.call.fields.thread) is not None and thread.is_continued:
                raise thread_not_found(thread.previous or "") from shut
            raise shut
        return _reply_of(last)

    async def _call(
        self, context: CallContext, route: Route, before: Sequence[Route], budget: Budget
    ) -> Attempt:
        """Call one provider, after those `before` it."""
        call = await self._self_contained(context, route)
        if not (before or self._takeovers.known):
            return await self._rotation.call(context, call, route, budget)
        own = self._takeovers.own(context, call, route, before)
        last = await self._rotation.call(context, own, route, budget)
        if last.verdict.outcome is Outcome.OK:
            self._takeovers.served(context, route, before)
        return last

    async def _self_contained(self, context: CallContext, route: Route) -> Call:
        """Put stored answers that the call names into it: a translated upstream keeps no conversation.

        No upstream knows those that ran in the background.
        """
        dialect = context.surface.dialect
        if not DIALECTS[dialect].keeps_conversations:
            return context.call
        if dialect == route.dialect and not continues_background(context.call.body):
            return context.call
        return await self._deps.responses.expanded(context.call, context.token.id)

    def _counts(self, route: Route, path: bytes) -> bool:
        """Tell whether the upstream counts tokens at this path."""
        driver = self._deps.sender.drivers[route.provider.kind]
        return driver.counts_tokens and path in DIALECTS[route.dialect].counts

    def _counted(self, context: CallContext) -> Reply:
        """Return our own estimate, marked as one, for an upstream that cannot count."""
        try:
            head = ESTIMATES[context.call.path](context.call.body)
        except UNWRITABLE as exc:
            raise as_refusal(exc) from None
        if context.envelope is not None:
            head = context.envelope.wrap(Passthrough()).response(head)
        return Reply(head)

    def learn(self, attempt: Attempt | None, failure: Failure | None) -> None:
        """Report a failure after the answer's beginning: it says as much of the account as a refusal does."""
        if attempt is None or not attempt.may_still_fail:
            return
        attempt.may_still_fail = False
        if failure is not None:
            self._deps.pool.report(
                attempt.lease, attempt.driver.classify(clean_failure(failure), time.time())
            )


def _reply_of(last: Attempt | None) -> Reply:
    if last is None:
        raise UpstreamFailed(Failure(FailureKind.UNAVAILABLE, "No provider serves this call"))
    if last.reply is None:
        raise UpstreamFailed(last.failure or Failure(FailureKind.UPSTREAM, "Upstream request failed"))
    return last.reply


def _sooner(one: PoolExhausted | None, other: PoolExhausted) -> PoolExhausted:
    """Return the earlier end of two providers that can't be called now."""
    if one is None or one.until is None:
        return other if one is None or other.until is not None else one
    return other if other.until is not None and other.until < one.until else one
