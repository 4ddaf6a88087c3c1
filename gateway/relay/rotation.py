"""Rotate over the accounts of one provider until one has answered."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable

import httpx
from msgspec.structs import replace

from accounts.errors import PoolExhausted
from accounts.pool.affinity import session_key
from accounts.pool.lease import Ask, Lease
from gateway.exchange.attempts import Attempt, Budget, Reply
from gateway.exchange.context import CallContext
from gateway.exchange.surfaces import EXTRA, Action
from gateway.exchange.taps import Tap
from gateway.relay.answers import MAX_BUFFERED_BYTES, NEVER_SENT, failure_of, is_taken, with_soonest
from gateway.relay.deps import RelayDeps
from gateway.relay.foreign import without_foreign
from gateway.relay.labels import as_it_is, is_odd, joined, whole_as_it_is
from gateway.relay.objects import more_taps, watching
from gateway.relay.refusals import Refusals
from gateway.telemetry.request_ids import make_id
from providers.catalog.records import Route
from providers.client import head_of
from providers.credentials.callers import login_of
from providers.dialects.mending import UNWRITABLE, as_refusal, is_unwritable
from providers.dialects.table import DIALECTS
from providers.dialects.types import Call, Failure, FailureKind, Refused, Translator, WireAnswer, WireRequest
from providers.dialects.wrapping import innermost
from providers.drivers.base import Outcome
from providers.listening import coded_words, words_of
from providers.sending import form_of, read_all, understood, upstream_of
from providers.translation.messages.thinking import count_messages, strip_signed_thinking
from providers.translation.pairs.forwarding import Forwarding
from providers.translation.pairs.passthrough import Passthrough
from providers.translation.pairs.table import PAIRS
from providers.words import SHOWN, clean_failure

Prepared = tuple[Translator, WireRequest]  # a translator and what it made

ENDS, UNTOUCHED = (Outcome.OK, Outcome.GIVE_UP), (Action.FORWARD, Action.OBJECTS)
UNTRANSLATABLE = Failure(FailureKind.UPSTREAM, "the upstream's answer can't be translated")


class Rotation:
    """Tries the accounts of a provider in turn; belongs to one event loop."""

    def __init__(self, deps: RelayDeps) -> None:
        self._deps = deps
        self._refusals = Refusals(deps)

    async def call(self, context: CallContext, call: Call, route: Route, budget: Budget) -> Attempt:
        """Try accounts until one has answered or none is left. Raises `PoolExhausted` when all are on cooldown.

        What can't be carried over raises `Refused` before an account is chosen.
        """
        driver, pinned = self._deps.sender.drivers[route.provider.kind], context.token.account
        prepared: Prepared | None = self._translate(context, call, route)
        ask = await self._ask(context, route)
        last: Attempt | None = None
        while True:
            try:
                lease = self._choose(context, ask, budget)
            except PoolExhausted:
                if last is not None:
                    return with_soonest(self._deps.pool, last, pinned)
                raise
            if lease.is_expired and not await self._is_renewed(lease, budget):
                self._deps.pool.release(lease)
                continue
            if context.attempts:  # open until there was another account: it might have been the answer
                self._deps.pool.release(context.attempts[-1].lease)
                await context.attempts[-1].close()
            if lease.is_moved or lease.foreign_messages:
                call, prepared = self._own(call, lease), None
            made, prepared = prepared or self._translate(context, call, route), None
            last = await self._once(context, call, Attempt(route, lease, driver, *made), budget)
            if last.verdict.needs_refresh and await self._has_refreshed(lease, budget):
                if budget.is_spent(time.monotonic()) or context.downstream.has_content:
                    return last
                await last.close()  # the account stays: its new credential is to be tried
                made = self._translate(context, call, route)
                last = await self._once(context, call, Attempt(route, lease, driver, *made), budget)
            if last.verdict.is_foreign or last.verdict.refuses_option or last.verdict.refuses_tools:
                last = await self._without_what_is_refused(context, call, last, budget)
            is_over = last.verdict.outcome in ENDS or context.downstream.has_content
            is_over = is_over or call.fields.is_continued  # nobody else has what went before
            if is_over or budget.is_spent(time.monotonic()):
                return last if last.status != 429 else with_soonest(self._deps.pool, last, pinned)
            budget.excluded.add(lease.account)

    async def _without_what_is_refused(
        self, context: CallContext, call: Call, last: Attempt, budget: Budget
    ) -> Attempt:
        """Send the call once more to the same account, without what was refused of it; or leave the refusal.

        What only its maker can read goes, the option that asks for a stream's usage, or tools: told as text then.
        """
        if not self._refusals.learn(last) and last.verdict.is_foreign and not budget.has_stripped:
            budget.has_stripped = True
            own = replace(call, body=without_foreign(context, call.body))
            if last.lease.session_key and own.body is not call.body:
                self._deps.pool.remember_move(last.lease, count_messages(call.body))
            call = own
        made = self._translate(context, call, last.route)
        is_same = made[1].body == last.request.body
        if is_same or budget.is_spent(time.monotonic()) or context.downstream.has_content:
            return last
        await last.close()
        return await self._once(context, call, Attempt(last.route, last.lease, last.driver, *made), budget)

    async def _ask(self, context: CallContext, route: Route) -> Ask:
        """Describe the account that is wanted, with what other processes know of the conversation."""
        provider, call, token, pool = route.provider, context.call, context.token, self._deps.pool
        key = session_key(call.headers, call.fields, call.body) if pool.has_choice(provider.name) else None
        ask = Ask(
            provider=provider.name,
            model=route.target.model,
            session=key,
            token_id=token.id,
            pinned=token.account,
            now=time.time(),
            own=None if pool.has_accounts(provider.name) else provider.own_credential(),
            callers=login_of(context.request.headers) if provider.takes_callers_login else None,
            address=provider.base_url,
        )
        place = context.place
        if place is not None and place.provider == provider.name and place.account:
            ask.pinned, ask.is_held_there, ask.is_fetched = place.account, True, place.is_fetched
        if key is not None and self._deps.sessions is not None:
            await self._deps.sessions.recall(ask)
        return ask

    def _choose(self, context: CallContext, ask: Ask, budget: Budget) -> Lease:
        ask.now, ask.excluded = time.time(), frozenset(budget.excluded)
        lease = self._deps.pool.choose(ask)
        context.exchange.provider, context.exchange.account = ask.provider, lease.account
        return lease

    async def _is_renewed(self, lease: Lease, budget: Budget) -> bool:
        """Renew an expired credential. False: it can't be, and there is another account to take.

        An account without alternative is tried as it is: clocks err.
        """
        try:
            if await self._deps.pool.refresh(lease):
                return True
        except BaseException:
            self._deps.pool.release(lease)
            raise
        budget.excluded.add(lease.account)
        return not self._deps.pool.has_other(lease.state.terms.provider, budget.excluded)

    async def _has_refreshed(self, lease: Lease, budget: Budget) -> bool:
        """Refresh the credential that was refused, once per call, whoever refuses."""
        if budget.has_refreshed or budget.is_late(time.monotonic()):
            return False
        budget.has_refreshed = True
        return await self._deps.pool.refresh(lease)

    def _own(self, call: Call, lease: Lease) -> Call:
        """Return the call without what another account has signed: nobody else could read it."""
        if lease.is_moved:
            self._deps.pool.remember_move(lease, count_messages(call.body))
            return replace(call, body=strip_signed_thinking(call.body))
        return replace(call, body=strip_signed_thinking(call.body, lease.foreign_messages))

    def _translate(self, context: CallContext, call: Call, route: Route) -> Prepared:
        deps = self._deps
        if context.surface.action in UNTOUCHED:
            translator: Translator = Forwarding()
        else:
            spoken = DIALECTS[context.surface.dialect].pair
            translator = PAIRS[spoken, route.dialect](make_id, time.time, deps.sealer)
        if context.surface.name == EXTRA:
            translator = watching(deps, context) or translator
        if self._refusals.xml is not None:
            translator = self._refusals.told(route, translator)
        upstream_envelope = deps.sender.drivers[route.provider.kind].envelope
        if upstream_envelope is not None:
            translator = upstream_envelope.wrap(translator)
        if context.envelope is not None:
            translator = context.envelope.wrap(translator)
        target = route.target
        if route.provider.base_url in self._refusals.optionless:
            target = replace(target, takes_usage_option=False)
        if not translator.is_transparent:
            target = deps.meter.capped(target, call)
        try:
            return translator, translator.request(call, target)
        except UNWRITABLE as exc:
            raise as_refusal(exc) from None

    async def _once(self, context: CallContext, call: Call, attempt: Attempt, budget: Budget) -> Attempt:
        """Send the request and classify the answer, read as far as that needs."""
        deps, exchange, downstream = self._deps, context.exchange, context.downstream
        provider, lease = attempt.route.provider, attempt.lease
        context.attempts.append(attempt)
        budget.attempts_left -= 1
        exchange.attempts += 1
        exchange.bytes_out += len(attempt.request.body)
        if call.fields.stream:
            downstream.allow_pings(attempt.translator.keepalive)
        timeouts = provider.timeouts
        downstream.await_upstream(time.monotonic(), timeouts.first_byte_seconds, timeouts.idle_seconds)
        # True before the call, so that it counts too when the client leaves meanwhile.
        was_sent, exchange.is_sent, attempt.may_still_fail = exchange.is_sent, True, True
        model = attempt.route.target.id or attempt.route.target.model
        upstream = upstream_of(provider, lease.account, lease.credential, model, lease.proxy)
        try:
            response = await deps.sender.send(upstream, attempt.request, timeouts.connect_seconds)
            attempt.response = response
            exchange.upstream_status = attempt.status = response.status_code
            await self._classify(context, call, attempt, response)
        except httpx.TransportError as exc:
            exchange.is_sent = was_sent or not isinstance(exc, NEVER_SENT)
            attempt.fail(clean_failure(failure_of(exc)), time.time())
            if is_taken(exc, attempt.request.method, attempt.status):
                attempt.verdict = attempt.verdict.as_final()
        finally:
            downstream.stop_waiting(time.monotonic())
        deps.pool.report(lease, attempt.verdict)
        return attempt

    async def _classify(
        self, context: CallContext, call: Call, attempt: Attempt, response: httpx.Response
    ) -> None:
        """Read as much of the answer as its verdict needs: an error whole, a stream to its first event."""
        translator = attempt.translator
        secret = response.extensions.get(SHOWN, attempt.lease.credential.secret)
        seen = head_of(response, secret=secret)
        form, is_good = form_of(seen.headers), 200 <= seen.status < 300
        body: AsyncIterable[bytes] = response.stream  # type: ignore[assignment]
        (is_stream, is_coded, _), first = form, b""
        if is_good and not (is_stream or translator.is_transparent) and call.fields.stream:
            seen, body, is_stream = await as_it_is(context, call, attempt, (seen, body, is_stream))
        if is_good and (is_stream or translator.is_transparent):
            body = chunks = aiter(body)
            first = await anext(chunks, b"")
            if is_stream is not call.fields.stream or is_odd(first, *form):
                answer = (seen, joined(first, chunks), is_stream)
                seen, body, is_stream = await as_it_is(context, call, attempt, answer)
                first, is_good = await anext(body := aiter(body), b""), seen.status < 300
        if not is_good or not (is_stream or translator.is_transparent):
            seen = WireAnswer(seen.status, seen.headers, first + await read_all(body, MAX_BUFFERED_BYTES))
            await self._classify_whole(context, call, attempt, seen, secret)
            return
        if is_coded:
            told, words = coded_words(seen, response.extensions, is_stream, secret, translator)
        else:
            told, words = seen, words_of(response.extensions, is_stream, secret)
        reply = Reply(translator.response(told), translator, body, is_stream=is_stream, words=words)
        reply.taps = self._taps(context, call, attempt.route)
        passing = translator if isinstance(translator, Passthrough) else innermost(translator)
        reply.made = passing.made if isinstance(passing, Passthrough) and context.surface.has_body else None
        attempt.reply = reply
        attempt.verdict = attempt.driver.classify(seen, time.time())
        context.exchange.bytes_in += len(first)
        reply.first = translator.feed(first if words is None else words(first))
        if is_stream:
            attempt.is_streaming, attempt.opening_output_tokens = True, translator.usage.output_tokens
            if translator.failure is not None:
                attempt.may_still_fail = False
                attempt.verdict = attempt.driver.classify(clean_failure(translator.failure), time.time())

    async def _classify_whole(
        self, context: CallContext, call: Call, attempt: Attempt, seen: WireAnswer, secret: str
    ) -> None:
        """Classify an error, or an answer that must be whole to be translated; what passes stays as it came."""
        translator = attempt.translator
        context.exchange.bytes_in += len(seen.body)
        if 200 <= seen.status < 300 and not seen.body.startswith(b"{"):
            seen = await whole_as_it_is(context, call, attempt, seen, seen.body)
        attempt.may_still_fail = False
        try:
            told = await understood(seen, secret)
            passes = translator.is_transparent and context.envelope is None
            head = translator.response(told.passing if passes else told.plain)
        except (Refused, *UNWRITABLE) as exc:  # an answer that is none
            if not isinstance(exc, Refused) and not is_unwritable(exc):
                raise
            failure = clean_failure(exc.failure) if isinstance(exc, Refused) else UNTRANSLATABLE
            attempt.fail(failure, time.time())
            return
        attempt.reply = Reply(head, translator, taps=self._taps(context, call, attempt.route))
        attempt.verdict = attempt.driver.classify(told.plain, time.time())
        attempt.note_refusal(told.plain)

    def _taps(self, context: CallContext, call: Call, route: Route) -> tuple[Tap, ...]:
        makers = self._deps.taps.get(context.surface.dialect)
        made = [make(context, route, call) for make in makers] if makers else []
        if context.token.logs_requests or self._deps.log.percent or context.surface.name == EXTRA:
            made += more_taps(self._deps, context)
        return tuple([tap for tap in made if tap is not None]) if made else ()
