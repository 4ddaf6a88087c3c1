"""Judge an event of a stream that nobody can read, after what could be mended of it has been read. Pure.

A piece of prose is passed by: what follows is worth more than what it said. What may be an error is one; and nothing is
passed by in or about a tool call, which would be made with other arguments than the model's.
"""

from __future__ import annotations

import re

from providers.dialects.error_shapes import plain_words
from providers.dialects.types import Failure
from providers.translation.common.parts import nonsense

_OF_CALLS = re.compile(
    rb"tool|function|argument|partial_json|signature|encrypted|_details\b|finish_reason\W+[a-z]"
)
_OF_ERRORS = re.compile(rb'"(?:error\w*|errors|detail|err\w*|fault)"\s*:(?!\s*null)')
_MESSAGE = re.compile(rb'"(?:message|detail|msg)"\s*:\s*"((?:[^"\\]|\\.)+)')


def failure_in(rest: bytes, no_event: str, *, is_in_call: bool) -> Failure | None:
    """Return what it means that this can't be read; None: it is passed by. `no_event`: words for a broken one."""
    text = rest.strip()
    if not text:
        return None
    if not text.startswith((b"{", b"[")):
        return nonsense(plain_words(text) or no_event)
    if _OF_ERRORS.search(text):
        told = _MESSAGE.search(text)
        return nonsense(plain_words(told[1]) if told is not None else no_event)
    return nonsense(no_event) if is_in_call or _OF_CALLS.search(text) else None
