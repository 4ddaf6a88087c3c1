"""Take ids out of what a guardrail of Bedrock's did: a caller who asks for the trace gets ARNs with it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import orjson

from providers.clouds import errors
from providers.dialects.mending import UNREADABLE, tolerant

OWN = b'"amazon-bedrock-'
"""How members begin that Bedrock adds: metrics, and what a guardrail did, with ARNs where it is traced."""
MAX_EVENT_BYTES = 16 * 1024 * 1024
_END, _DATA = b"\n\n", b"data:"


def without_ids(data: bytes) -> bytes:
    """Return an event, or a whole answer, without metrics and ids; as it is where it can't be read."""
    if data.rfind(OWN) < 0:
        return data
    try:
        document = tolerant(orjson.loads, data)
    except UNREADABLE:
        return data
    return without_own(document) if isinstance(document, dict) else data


def without_own(document: dict[str, object]) -> bytes:
    """Return an event, or a whole answer, without Bedrock's metrics, and without ids in what else it adds."""
    document.pop("amazon-bedrock-invocationMetrics", None)
    for name, value in document.items():
        if name.startswith("amazon-bedrock-"):
            document[name] = _masked(value)
    return orjson.dumps(document)


def _masked(value: object) -> object:
    if isinstance(value, str):
        return errors.masked(value, ())
    if isinstance(value, list):
        return [_masked(each) for each in value]
    return {name: _masked(each) for name, each in value.items()} if isinstance(value, dict) else value


class TracedEvents(httpx.AsyncByteStream):
    """Server-sent events without ids, each as soon as it is whole."""

    def __init__(self, body: httpx.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held = b""
        async for chunk in self._body:
            whole, end, held = (held + chunk).rpartition(_END)
            if end:
                yield _END.join(map(_event, whole.split(_END))) + end
            if len(held) > MAX_EVENT_BYTES:
                raise httpx.RemoteProtocolError("an event is too large")
        if held:
            yield _event(held)

    async def aclose(self) -> None:
        await self._body.aclose()


def _event(event: bytes) -> bytes:
    if event.rfind(OWN) < 0:
        return event
    lines = event.split(b"\n")
    return b"\n".join(
        [_DATA + b" " + without_ids(line[5:].strip()) if line.startswith(_DATA) else line for line in lines]
    )
