"""Read what can be read of an Anthropic event that no parser takes. Pure."""

from __future__ import annotations

import re

from providers.dialects.anthropic import failure_told
from providers.dialects.anthropic_messages import MALFORMED, read_event
from providers.dialects.mending import pieces
from providers.dialects.types import Refused
from providers.translation.common.spoiled import failure_in

_OF_COURSE = re.compile(rb'"type"\s*:\s*"(?:message|content_block_start)|"usage"')
"""Events on which the answer's course depends."""


def readable(data: bytes, *, is_in_prose: bool) -> list[bytes]:
    """Return the events that stand in the data of one, each as JSON. Raises `Refused` for what may not be passed by.

    `is_in_prose`: a text is being written, of which a piece may be missing.
    """
    values, rest = pieces(data)
    events = []
    for value in values:
        failure = failure_told(value)
        if failure is not None:
            raise Refused(failure)
        if not value.startswith(b"{") or value == b"{}":
            continue
        try:
            read_event(value)
        except Refused:
            _pass_by(value, is_in_prose)
        else:
            events.append(value)
    _pass_by(rest, is_in_prose)
    return events


def _pass_by(rest: bytes, is_in_prose: bool) -> None:
    may_pass = is_in_prose and _OF_COURSE.search(rest) is None
    failure = failure_in(rest, MALFORMED, is_in_call=not may_pass)
    if failure is not None:
        raise Refused(failure)
