"""What calls about stored objects need beside their way: who watches answers, what is done before, lists of ours."""

from __future__ import annotations

from gateway.exchange.attempts import Reply
from gateway.exchange.context import CallContext
from gateway.exchange.surfaces import EXTRA
from gateway.exchange.taps import Tap
from gateway.relay.deps import RelayDeps
from gateway.usage.batches.requests import is_made
from providers.dialects.types import Translator
from providers.translation.pairs.passthrough import Passthrough
from providers.translation.pairs.stored_object import StoredObjectPassthrough


async def answered_here(deps: RelayDeps, context: CallContext) -> Reply | None:
    """Answer a call that asks for a list of stored objects, of the caller's own; None: the upstream is to be asked.

    A batch that is about to be deleted is billed before.
    """
    objects = deps.objects
    if objects is not None and objects.lists(context):
        return Reply(await objects.list(context))
    if deps.batches is not None:
        await deps.batches.before(context)
    return None


def watching(deps: RelayDeps, context: CallContext) -> Passthrough | None:
    """Return what holds an answer until it has been remembered; None: nothing of it is to be."""
    if deps.objects is None and not is_made(context.call):
        return None
    made = StoredObjectPassthrough(None) if deps.objects is None else deps.objects.watching(context)
    made.seal_prefix = deps.sealer.prefix
    return made


def more_taps(deps: RelayDeps, context: CallContext) -> list[Tap | None]:
    """Return who remembers what the answer tells, and the request log, where it keeps this call."""
    made: list[Tap | None] = [deps.log.tap(context)]
    if context.surface.name == EXTRA:
        made.append(None if deps.batches is None else deps.batches.tap(context))
        made.append(None if deps.objects is None else deps.objects.tap(context))
    return made


def held_of(translator: Translator) -> bytes:
    """Return what had come of an answer about an object that was cut: it may tell the id of one that is there now."""
    return translator.cut_off() if isinstance(translator, StoredObjectPassthrough) else b""
