"""Taking signed thinking out of a messages request that moves to another account. Pure.

Signatures are good only for the account that made them. Everything else keeps its bytes: only the
assistant messages that hold such blocks are written anew.
"""

from __future__ import annotations

import msgspec

SIGNED_TYPES = frozenset(("thinking", "redacted_thinking"))
MARKS = (b"thinking", b"\\u")  # an escaped letter could hide the word

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)


def count_messages(body: bytes) -> int:
    """How many messages a request holds; 0 when it is none."""
    try:
        return len(_list.decode(_object.decode(body)["messages"]))
    except (msgspec.MsgspecError, KeyError, RecursionError):
        return 0


def strip_signed_thinking(body: bytes, first: int | None = None) -> bytes:
    """The body without `thinking` and `redacted_thinking` blocks; the same object when there are none.

    `first`: only in so many messages from the start.

    Inside a tool loop the vendor insists on the turn's thinking as long as thinking is on: there it is
    switched off for this one call, with the context edits that need it. A body that isn't a messages
    request comes back as it is.
    """
    if not any(mark in body for mark in MARKS):
        return body
    try:
        document = _object.decode(body)
        messages = _list.decode(document["messages"])
        kept, is_changed, is_in_loop = _messages(messages, len(messages) if first is None else first)
    except (msgspec.MsgspecError, KeyError, RecursionError):
        return body
    if not is_changed:
        return body
    document["messages"] = msgspec.Raw(msgspec.json.encode(kept))
    if is_in_loop:
        document.pop("thinking", None)
        _drop_thinking_edits(document)
    return msgspec.json.encode(document)


def _messages(messages: list[msgspec.Raw], first: int) -> tuple[list[msgspec.Raw], bool, bool]:
    """(what is left, whether anything went, whether it went from the tool loop that is under way)."""
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
        left = [block for block in blocks if index >= first or _type(block) not in SIGNED_TYPES]
        if len(left) == len(blocks):
            kept.append(raw)
            continue
        is_changed = is_in_loop = True
        if left:  # a message of nothing is refused
            message["content"] = msgspec.Raw(msgspec.json.encode(left))
            kept.append(msgspec.Raw(msgspec.json.encode(message)))
    return kept, is_changed, is_in_loop


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
