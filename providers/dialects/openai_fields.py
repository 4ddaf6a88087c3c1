"""What OpenAI's two dialects say alike: the fields of a call, usage under other names, odd JSON. Pure."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from providers.dialects.types import CallFields, Usage


class OpenAiCall(msgspec.Struct):
    """The members of a request that both dialects have; each adds its own limit of the output."""

    model: Any = None
    stream: Any = None
    user: Any = None
    safety_identifier: Any = None
    prompt_cache_key: Any = None

    def fields(
        self, max_tokens: int | None, choices: int = 1, long: tuple[msgspec.Raw, ...] = ()
    ) -> CallFields:
        """The fields the road needs. Members of another type are absent."""
        return CallFields(
            model=text_or_none(self.model),
            stream=self.stream is True,
            max_tokens=max_tokens,
            user_id=text_or_none(self.safety_identifier) or text_or_none(self.user),
            prompt_cache_key=text_or_none(self.prompt_cache_key),
            choices=choices,
            long=long,
        )


class _Answer(msgspec.Struct):
    model: Any = None
    usage: Any = None


_answer_decoder = msgspec.json.Decoder(_Answer)


class UsageReader:
    """Reads `usage` objects: Chat and Responses name their two counts differently and mean the same."""

    __slots__ = ("_input", "_output")

    def __init__(self, input_name: str, output_name: str) -> None:
        self._input = input_name
        self._output = output_name

    def usage(self, usage: object) -> Usage | None:
        """A `usage` object. OpenAI's count of the input includes cached tokens; ours excludes them."""
        if not isinstance(usage, dict):
            return None
        details = usage.get(f"{self._input}_details")
        read = count(member(details, "cached_tokens"))
        written = count(member(details, "cache_write_tokens"))
        return Usage(
            input_tokens=max(count(usage.get(self._input)) - read - written, 0),
            cache_read_tokens=read,
            cache_write_5m_tokens=written,
            output_tokens=count(usage.get(self._output)),
        )

    def reasoning(self, usage: object) -> int:
        """The part of the output that was reasoning."""
        return count(member(member(usage, f"{self._output}_details"), "reasoning_tokens"))

    def totals(self, body: bytes) -> tuple[str | None, Usage]:
        """(model, usage) of a whole answer; (None, Usage()) when the body can't be read."""
        try:
            answer = _answer_decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None, Usage()
        return text_or_none(answer.model), self.usage(answer.usage) or Usage()


def text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def count_or_none(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def count(value: object) -> int:
    """A count that a vendor wrote, however oddly: never negative, 0 when there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return 0
    return int(value)


def member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def without_lone_surrogates(data: bytes) -> bytes:
    """JSON in which half a character, cut off by a server that counts in UTF-16, is U+FFFD."""
    return _LONE_SURROGATE.sub(rb"\\ufffd", data)
