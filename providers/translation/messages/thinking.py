"""Take out of a messages request what only its maker can read: signed thinking, results sealed for an account.

Pure. Signatures are good only for the account that made them, and what this gateway sealed for an upstream of another
dialect is good for that one alone. Everything else keeps its bytes: only the assistant messages that hold such blocks
are written anew.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from providers.dialects.mending import UNREADABLE

SIGNED_TYPES = frozenset(("thinking", "redacted_thinking"))
SEALED_RESULTS = frozenset(("advisor_tool_result",))
"""Results that only the account can read for which they were made."""
MARKS = (b"thinking", b"advisor_tool_result", b"\\u")  # an escaped letter could hide the word

IsForeign = Callable[[dict[str, msgspec.Raw]], bool]

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)


def count_messages(body: bytes) -> int:
    """Return the number of messages in a request; 0 when it is none."""
    try:
        return len(_list.decode(_object.decode(body)["messages"]))
    except (*UNREADABLE, KeyError):
        return 0


def strip_signed_thinking(body: bytes, first: int | None = None) -> bytes:
    """Return the body without signed thinking and sealed results; the same object when there are none.

    `first`: only in so many messages from the start. A body that isn't a messages request comes back as it is.
    """
    if not any(mark in body for mark in MARKS):
        return body
    return _without(body, _is_bound, first)


def holds_seal(body: bytes, prefix: str) -> bool:
    """Tell whether our seal's prefix stands in the body: most bodies do not even have its first letter."""
    seal = prefix.encode()
    return body.find(seal[:1]) >= 0 and body.rfind(seal) >= 0  # backwards it takes less than half the time


def strip_seals(body: bytes, prefix: str) -> bytes:
    """Return the body without the thinking that begins with our seal's prefix; the same object when there is none."""
    if not holds_seal(body, prefix):
        return body

    def is_ours(block: dict[str, msgspec.Raw]) -> bool:
        kind = _word(block.get("type"))
        seal = block.get("data" if kind == "redacted_thinking" else "signature")
        return kind in SIGNED_TYPES and _word(seal).startswith(prefix)

    return _without(body, is_ours, None)


def strip_seals_of_batch(body: bytes, prefix: str) -> bytes:
    """Return a batch whose calls hold no thinking of ours: nobody can send one of them again without it."""
    if not holds_seal(body, prefix):
        return body
    try:
        batch = _object.decode(body)
        calls = [_object.decode(raw) for raw in _list.decode(batch["requests"])]
        for call in calls:
            if "params" in call:
                call["params"] = msgspec.Raw(strip_seals(bytes(call["params"]), prefix))
    except (*UNREADABLE, KeyError):
        return body
    return msgspec.json.encode({**batch, "requests": calls})


def without_thinking(body: bytes) -> bytes:
    """Return the body with thinking switched off, and the context edits that need it."""
    try:
        document = _object.decode(body)
    except UNREADABLE:
        return body
    if document.pop("thinking", None) is None:
        return body
    _drop_thinking_edits(document)
    return msgspec.json.encode(document)


def _is_bound(block: dict[str, msgspec.Raw]) -> bool:
    return _word(block.get("type")) in SIGNED_TYPES | SEALED_RESULTS


def _without(body: bytes, is_foreign: IsForeign, first: int | None) -> bytes:
    """Leave out the blocks that are foreign.

    Inside a tool loop the vendor insists on the turn's thinking as long as thinking is on: there it is switched off
    for this one call, with the context edits that need it.
    """
    try:
        document = _object.decode(body)
        messages = _list.decode(document["messages"])
        kept, is_changed, is_in_loop = _messages(
            messages, len(messages) if first is None else first, is_foreign
        )
    except (*UNREADABLE, KeyError):
        return body
    if not is_changed:
        return body
    document["messages"] = msgspec.Raw(msgspec.json.encode(kept))
    if is_in_loop:
        document.pop("thinking", None)
        _drop_thinking_edits(document)
    return msgspec.json.encode(document)


def _messages(
    messages: list[msgspec.Raw], first: int, is_foreign: IsForeign
) -> tuple[list[msgspec.Raw], bool, bool]:
    """Return (what is left, whether anything went, whether it went from the tool loop that is under way)."""
    kept: list[msgspec.Raw] = []
    is_changed = is_in_loop = False
    for index, raw in enumerate(messages):
        message = _object.decode(raw)
        content = message.get("content", msgspec.Raw(b"null"))
        if _word(message.get("role")) != "assistant" or not bytes(content).lstrip().startswith(b"["):
            if not _holds_result(content):
                is_in_loop = False  # a new turn of the user's: earlier thinking is not asked for
            kept.append(raw)
            continue
        blocks = _list.decode(content)
        left, lost_thinking = (blocks, False) if index >= first else _left(blocks, is_foreign)
        if len(left) == len(blocks):
            kept.append(raw)
            continue
        is_changed = True
        is_in_loop = is_in_loop or lost_thinking
        if left:  # a message of nothing is refused
            message["content"] = msgspec.Raw(msgspec.json.encode(left))
            kept.append(msgspec.Raw(msgspec.json.encode(message)))
    return kept, is_changed, is_in_loop


def _left(blocks: list[msgspec.Raw], is_foreign: IsForeign) -> tuple[list[msgspec.Raw], bool]:
    """Return the blocks that stay, without calls whose results go, and whether thinking went."""
    read = [_object.decode(raw) if bytes(raw).lstrip().startswith(b"{") else {} for raw in blocks]
    gone = [is_foreign(block) for block in read]
    calls = {_word(block.get("tool_use_id")) for block, goes in zip(read, gone, strict=True) if goes} - {""}
    kinds = [_word(block.get("type")) for block in read]
    left = [
        raw
        for raw, block, kind, goes in zip(blocks, read, kinds, gone, strict=True)
        if not goes and not (kind == "server_tool_use" and _word(block.get("id")) in calls)
    ]
    return left, any(goes and kind in SIGNED_TYPES for kind, goes in zip(kinds, gone, strict=True))


def _holds_result(content: msgspec.Raw) -> bool:
    if not bytes(content).lstrip().startswith(b"["):
        return False
    return any(_type(block) == "tool_result" for block in _list.decode(content))


def _drop_thinking_edits(document: dict[str, msgspec.Raw]) -> None:
    raw = document.get("context_management")
    if raw is None or not bytes(raw).lstrip().startswith(b"{"):
        return
    management = _object.decode(raw)
    edits = management.get("edits")
    if edits is None or not bytes(edits).lstrip().startswith(b"["):
        return
    left = [edit for edit in _list.decode(edits) if not _type(edit).startswith("clear_thinking")]
    management["edits"] = msgspec.Raw(msgspec.json.encode(left))
    document["context_management"] = msgspec.Raw(msgspec.json.encode(management))


def _type(raw: msgspec.Raw) -> str:
    return _word(_object.decode(raw).get("type")) if bytes(raw).lstrip().startswith(b"{") else ""


def _word(raw: msgspec.Raw | None) -> str:
    if raw is None or not bytes(raw).lstrip().startswith(b'"'):
        return ""
    return _text.decode(raw)
