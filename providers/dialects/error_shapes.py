"""Find the error, and its words, in whatever shape a server of OpenAI's dialect puts them.

Pure. `{"error": {…}}`, `[{"error": …}]`, `{"detail": …}` (FastAPI), `{"errors": […]}`, `{"error_msg": …}`, `{"object":
"error", …}`, a bare text, plain text, a page of HTML; an error of another server as text inside.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from providers.dialects.mending import UNREADABLE

UNTOLD = "The upstream reported an error"
MAX_WORDS = 500
"""Characters that are shown of an error that is no JSON."""
MAX_DEPTH = 5

_HOLDERS = ("error", "errors", "detail", "error_msg", "error_message", "err_msg", "errmsg", "err", "fault")
_WORDS = (
    "message", "error_msg", "error_message", "err_msg", "errmsg", "msg", "detail", "details", "reason", "description",
    "error_description", "title", "error", "errors", "status_msg", "faultstring", "exception", "messages", "content",
    "text",
)  # fmt: skip
_GENERIC = re.compile(r"(?:the )?(?:provider|upstream) (?:returned|reported) (?:an )?error\.?", re.IGNORECASE)


def error_in(value: object, depth: int = 0) -> object:
    """Return the error that a document holds: an object with words, or a text; None when it holds none."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, list):
        return next((found for each in value if (found := error_in(each, depth + 1))), None)
    if isinstance(value, str):
        return value or None
    if not isinstance(value, dict):
        return None
    nested = value.get("error")
    if isinstance(nested, dict) and nested:
        return error_in(nested, depth + 1) or nested
    if _is_error(value):
        return value
    for name in _HOLDERS:
        inner = value.get(name)
        found = error_in(inner, depth + 1) or _by_field(inner)
        if not found:
            continue
        if isinstance(inner, list):
            own = found if isinstance(found, dict) else {}
            return {**value, **own, "message": _listed(inner) or UNTOLD}
        return {**value, "message": found} if isinstance(found, str) else found
    return None if depth else _buried(value, 0)


def _by_field(value: object) -> str | None:
    """Return the words of findings that stand under the names of the fields that they are about."""
    if not isinstance(value, dict):
        return None
    texts = []
    for name, told in value.items():
        words = "; ".join(one for one in told if isinstance(one, str)) if isinstance(told, list) else ""
        texts.append(words if name in _WORDS or not words else f"{name}: {words}")
    return "; ".join(filter(None, texts)) or None


def _buried(value: object, depth: int) -> str | None:
    """Return the first words that stand anywhere in a document, under a name that errors have, in whatever case."""
    inner = value if isinstance(value, list) else []
    if isinstance(value, dict):
        named = {str(name).lower(): each for name, each in value.items()}
        for name in _WORDS:
            if isinstance(told := named.get(name), str) and told.strip():
                return told
            if isinstance(told, list) and (words := "; ".join(one for one in told if isinstance(one, str))):
                return words
        inner = list(value.values())
    if depth >= MAX_DEPTH:
        return None
    return next((found for each in inner if (found := _buried(each, depth + 1))), None)


def _is_error(value: dict[str, Any]) -> bool:
    """Return whether it has words itself, rather than an error inside."""
    return any(isinstance(value.get(name), str) and value[name] for name in ("message", "msg"))


def event_error(value: object) -> object:
    """Return the error that an event of a stream is; None for one that only says something."""
    if isinstance(value, list):
        return next((found for each in value if (found := event_error(each))), None)
    if not isinstance(value, dict):
        return None
    is_told = any(value.get(name) for name in _HOLDERS)
    is_kind = "error" in (value.get("object"), value.get("type"))
    is_coded = _is_error(value) and (value.get("code") or value.get("status"))
    base = value.get("base_resp")  # MiniMax's: 0 stands in every chunk
    is_failed = isinstance(base, dict) and base.get("status_code") not in (0, None)
    return error_in(value) if is_told or is_kind or is_coded or is_failed else None


def words_of(error: dict[str, Any]) -> str:
    """Return what an error says, with what the server behind it said and the numbers that some put beside it."""
    text = _text(error) or _buried(error, 0) or ""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str) and raw and (not text or _GENERIC.fullmatch(text)):
        text = _inner(raw)
    counts = [
        f"{name}: {error[name]}" for name in ("n_prompt_tokens", "n_ctx") if isinstance(error.get(name), int)
    ]
    return f"{text} ({', '.join(counts)})" if counts else text


def _text(error: dict[str, Any]) -> str:
    for name in _WORDS:
        value = error.get(name)
        if isinstance(value, str) and value.strip():
            return _inner(value)
        if isinstance(value, list | dict) and (found := _listed(value)):
            return found
    return ""


def _listed(value: object) -> str:
    """Return the words of a list of findings (FastAPI's: `loc` and `msg`)."""
    found = value if isinstance(value, list) else [value]
    texts = []
    for each in found:
        if isinstance(each, str):
            texts.append(each)
        elif isinstance(each, dict):
            place = each.get("loc")
            where = ".".join(str(part) for part in place) + ": " if isinstance(place, list) else ""
            texts.append(where + _text(each))
    return "; ".join(text for text in texts if text)


def _inner(text: str) -> str:
    """Return the words inside when the text is the JSON of another server's error."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        found = error_in(orjson.loads(text))
    except UNREADABLE:
        return text
    if isinstance(found, dict):
        return _text(found) or text
    return found if isinstance(found, str) else text


_TITLE = re.compile(r"<(?:\w+:)?(?:title|h1|message|faultstring|detail)[^>]*>([^<]+)<", re.IGNORECASE)


def plain_words(body: bytes) -> str:
    """Return what an error that is no JSON says: its text, the title of a page, the message of XML."""
    text = body[: 8 * MAX_WORDS].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        title = _TITLE.search(text)
        text = title[1] if title is not None else ""
    return " ".join(text.split())[:MAX_WORDS]


def error_event(data: bytes) -> bytes:
    """Return the data of an event that is named `error`, as an error where only the name has told so."""
    try:
        told = orjson.loads(data)
    except UNREADABLE:
        return data
    if isinstance(told, dict) and not told.keys() & {"type", "error", "choices"}:
        return b'{"error":' + data + b"}"
    return data
