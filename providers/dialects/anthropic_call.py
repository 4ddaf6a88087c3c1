"""The fields of an Anthropic Messages call that the relay needs.

Pure. Read by a partial decoder, tolerant of fields of wrong types.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.dialects.extras import asked_modes
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import LONG_BYTES, NO_VALUE, Call, CallFields, Thread

RARE = ("thread", "tags", "anthropic_version", "anthropic_beta")
"""Members of a body that not every upstream takes."""


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Call(msgspec.Struct):
    model: str | None = None
    stream: bool | None = None
    max_tokens: int | None = None
    metadata: _Metadata | None = None
    system: msgspec.Raw = NO_VALUE
    tools: msgspec.Raw = NO_VALUE
    messages: msgspec.Raw = NO_VALUE
    container: msgspec.Raw = NO_VALUE
    speed: msgspec.Raw = NO_VALUE
    inference_geo: msgspec.Raw = NO_VALUE
    thread: msgspec.Raw = NO_VALUE
    fallback_credit_token: msgspec.Raw = NO_VALUE
    tags: msgspec.Raw = NO_VALUE
    anthropic_version: msgspec.Raw = NO_VALUE
    anthropic_beta: msgspec.Raw = NO_VALUE


class _LooseCall(msgspec.Struct):
    model: Any = None
    stream: Any = None
    max_tokens: Any = None
    metadata: Any = None
    container: Any = None
    thread: Any = None
    fallback_credit_token: Any = None


_call_decoder = msgspec.json.Decoder(_Call)
_loose_call_decoder = msgspec.json.Decoder(_LooseCall)


def read_call(body: bytes) -> CallFields:
    """Return the fields of a messages body.

    A field of a wrong type is None. When the body is no JSON object, `is_readable` is False.
    """
    try:
        call = _call_decoder.decode(body)
    except UNREADABLE:
        return _read_loosely(body)
    user_id = call.metadata.user_id if call.metadata is not None else None
    absent, thread = NO_VALUE, None if call.thread is NO_VALUE else _thread(bytes(call.thread))
    is_usual = call.thread is call.tags is call.anthropic_version is call.anthropic_beta is absent
    return CallFields(
        model=call.model,
        stream=call.stream is True,
        max_tokens=call.max_tokens,
        user_id=user_id,
        long=tuple([raw for raw in (call.system, call.tools, call.messages) if len(raw) > LONG_BYTES]),
        modes=()
        if call.speed is absent and call.inference_geo is absent
        else asked_modes(call.speed, call.inference_geo),
        has_container=call.container is not absent or call.fallback_credit_token is not absent,
        thread=thread,
        is_continued=thread is not None and thread.is_continued,
        rare=() if is_usual else tuple([name for name in RARE if getattr(call, name) is not absent]),
    )


FILES_BETA = b"files-api"
SHORT_BYTES = 16 * 1024
"""So much of a body is looked through in any case."""


def names_objects(call: Call) -> bool:
    """Tell whether the call may name something that its vendor stores.

    A file is looked up only for who asks for the files API by header. Without it a long body is not looked through:
    that would take as long as all else that is done with it.
    """
    fields, body = call.fields, call.body
    if fields.has_container or fields.is_continued:
        return True
    if len(body) <= SHORT_BYTES and body.rfind(b'"file_id"') >= 0:
        return True
    for name, value in call.headers:
        if name == b"anthropic-beta" and FILES_BETA in value.lower():
            return body.rfind(b'"file_id"') >= 0 or b"\\u00" in body  # letters of the key may be escaped
    return False


_thread_decoder: msgspec.json.Decoder[Thread | None] = msgspec.json.Decoder(Thread | None)


def _thread(raw: bytes) -> Thread | None:
    """Return the thread that a call names; of one that can't be read its vendor may say what is wrong."""
    try:
        return _thread_decoder.decode(raw)
    except UNREADABLE:
        return Thread()


def _read_loosely(body: bytes) -> CallFields:
    try:
        call = tolerant(_loose_call_decoder.decode, body)
    except UNREADABLE:
        return CallFields(is_readable=False)
    user_id = call.metadata.get("user_id") if isinstance(call.metadata, dict) else None
    thread = None if call.thread is None else _thread(msgspec.json.encode(call.thread))
    is_count = isinstance(call.max_tokens, int) and not isinstance(call.max_tokens, bool)
    return CallFields(
        model=call.model if isinstance(call.model, str) else None,
        stream=call.stream is True,
        max_tokens=call.max_tokens if is_count else None,
        user_id=user_id if isinstance(user_id, str) else None,
        has_container=call.container is not None or call.fallback_credit_token is not None,
        thread=thread,
        is_continued=thread is not None and thread.is_continued,
    )
