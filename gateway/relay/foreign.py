"""What a call's history holds that the account or provider it goes to can't read: taken out before it is sent, or once
it has been refused for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from accounts.pool.affinity import affinity_key, session_key
from gateway.exchange.context import CallContext
from providers.catalog.records import Route
from providers.dialects.table import DIALECTS
from providers.dialects.types import Call
from providers.translation.messages.thinking import count_messages, strip_signed_thinking, without_thinking
from providers.translation.responses.reasoning import strip_reasoning

MAX_CONVERSATIONS = 20_000
MESSAGES, RESPONSES = "anthropic", "openai_responses"


def _without_signed(body: bytes) -> bytes:
    """Return the body without signed thinking, or with thinking off where its history has none to show."""
    stripped = strip_signed_thinking(body)
    return without_thinking(body) if stripped is body else stripped


STRIPS: Mapping[str, Callable[[bytes], bytes]] = {MESSAGES: _without_signed, RESPONSES: strip_reasoning}
"""By the caller's dialect: what takes out of a body all that only its maker can read."""


def without_foreign(context: CallContext, body: bytes) -> bytes:
    """Return the body without anything signed or sealed; the same object when nothing of it is."""
    strip = STRIPS.get(DIALECTS[context.surface.dialect].pair)
    return body if strip is None else strip(body)


@dataclass(slots=True)
class Takeovers:
    """The provider that took a conversation over from another of the same dialect, and at which message.

    Of one event loop, and only of conversations that have failed over: what another process has moved is found when
    it is refused.
    """

    known: OrderedDict[int, tuple[str, int]] = field(default_factory=OrderedDict)

    def own(self, context: CallContext, call: Call, route: Route, before: Sequence[Route]) -> Call:
        """Return the call without what other providers have signed in its first messages.

        `before`: the routes that were tried first.
        """
        if not _is_of_messages(context, route):
            return call
        is_moved = _is_moved(route, before)
        known = self._find(context, call) if is_moved or self.known else None
        if known is None and not is_moved:
            return call
        is_own = known is not None and known[0] == route.provider.name
        first = known[1] if known is not None and is_own else count_messages(call.body)
        return replace(call, body=strip_signed_thinking(call.body, first)) if first else call

    def served(self, context: CallContext, route: Route, before: Sequence[Route]) -> None:
        """Note which provider has the conversation now."""
        if not _is_of_messages(context, route):
            return
        key = self._key(context, context.call)
        known = None if key is None else self.known.get(key)
        if key is None or (known is None and not _is_moved(route, before)):
            return
        if known is None or known[0] != route.provider.name:
            self.known[key] = (route.provider.name, count_messages(context.call.body))
        self.known.move_to_end(key)
        if len(self.known) > MAX_CONVERSATIONS:
            self.known.popitem(last=False)

    def _find(self, context: CallContext, call: Call) -> tuple[str, int] | None:
        key = self._key(context, call)
        return None if key is None else self.known.get(key)

    @staticmethod
    def _key(context: CallContext, call: Call) -> int | None:
        session = session_key(call.headers, call.fields, call.body)
        if session is None:
            return None
        return affinity_key(context.token.id, session, call.fields.model or "")


def _is_of_messages(context: CallContext, route: Route) -> bool:
    return DIALECTS[context.surface.dialect].pair == MESSAGES == route.dialect


def _is_moved(route: Route, before: Sequence[Route]) -> bool:
    return any(one.dialect == MESSAGES and one.provider.name != route.provider.name for one in before)
