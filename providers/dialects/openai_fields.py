"""Parts common to OpenAI's two dialects: the fields of a call, usage under other names, odd JSON.

Pure.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import BATCH, FAST, LONG_BYTES, MOST_TOKENS, UNREAD, CallFields, Usage


class OpenAiCall(msgspec.Struct):
    """Members of a request that both dialects have; each adds its own limit of the output."""

    model: Any = None
    stream: Any = None
    user: Any = None
    safety_identifier: Any = None
    prompt_cache_key: Any = None

    def fields(
        self,
        max_tokens: int | None,
        choices: int = 1,
        long: tuple[msgspec.Raw, ...] = (),
        *,
        is_foreign: bool = False,
    ) -> CallFields:
        """Return the fields that the relay needs.

        Members of another type are absent.
        """
        return CallFields(
            model=text_or_none(self.model),
            stream=self.stream is True,
            max_tokens=max_tokens,
            user_id=text_or_none(self.safety_identifier) or text_or_none(self.user),
            prompt_cache_key=text_or_none(self.prompt_cache_key),
            choices=choices,
            long=long,
            is_foreign=is_foreign,
        )


class _Answer(msgspec.Struct):
    model: Any = None
    usage: Any = None
    service_tier: Any = None
    x_groq: Any = None


_answer_decoder = msgspec.json.Decoder(_Answer)
_any_decoder = msgspec.json.Decoder()


def elsewhere(answer: dict[str, Any]) -> object:
    """Return the `usage` that some upstreams tell in another place: beside the choice's text, or under `x_groq`."""
    beside = member(answer.get("x_groq"), "usage")
    choices = answer.get("choices")
    inside = member(choices[0], "usage") if isinstance(choices, list) and choices else None
    return beside or inside


NOTHING = Usage()
_CACHED_BESIDE = (
    "prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens", "num_cached_tokens",
    "cached_content_token_count",
)  # fmt: skip
"""Where DeepSeek, Kimi, LiteLLM and others tell beside the counts what came from the cache."""
_WRITTEN_BESIDE, _EXCLUSIVE = "cache_creation_input_tokens", "cache_read_input_tokens"
_BESIDE = frozenset((_WRITTEN_BESIDE, *_CACHED_BESIDE))


_INPUT_NAMES = ("prompt_tokens", "input_tokens", "promptTokens", "prompt_eval_count")
_OUTPUT_NAMES = ("completion_tokens", "output_tokens", "completionTokens", "eval_count")
MOST_DIGITS = 18
"""Of a count that is written as a text."""


class UsageReader:
    """Reader of `usage` objects: Chat and Responses name their two counts differently and mean the same."""

    __slots__ = ("_input", "_input_details", "_output", "_output_details")

    def __init__(self, input_name: str, output_name: str) -> None:
        self._input, self._input_details = input_name, f"{input_name}_details"
        self._output, self._output_details = output_name, f"{output_name}_details"

    def usage(self, usage: object) -> Usage | None:
        """Convert a `usage` object; None when it is none.

        OpenAI's count of the input includes cached tokens; ours excludes them. DeepSeek and Kimi tell those beside.
        """
        if not isinstance(usage, dict):
            return None
        whole, output = count(usage.get(self._input)), count(usage.get(self._output))
        if not whole and not output:  # some tell it by the other API's names
            whole = max(count(usage.get(name)) for name in _INPUT_NAMES)
            output = max(count(usage.get(name)) for name in _OUTPUT_NAMES)
        details = usage.get(self._input_details) or usage.get("input_tokens_details")
        written, read = count(member(details, "cache_write_tokens")), count(member(details, "cached_tokens"))
        if not written and details:
            written = count(member(details, _WRITTEN_BESIDE))  # DashScope's name
        if not usage.keys().isdisjoint(_BESIDE):  # of most nothing is told there
            written = max(written, count(usage.get(_WRITTEN_BESIDE)))
            read = max(read, *[count(usage.get(name)) for name in _CACHED_BESIDE])
        total = count(usage.get("total_tokens"))
        if total > whole + output > 0 or _EXCLUSIVE in usage:
            is_beside = not details and self._is_beside(usage)
            whole, output = _with_the_rest(total, whole, output, read + written, is_beside)
        return Usage(
            input_tokens=max(whole - read - written, 0),
            cache_read_tokens=read,
            cache_write_5m_tokens=written,
            output_tokens=output,
        )

    @staticmethod
    def _is_beside(usage: dict[str, Any]) -> bool:
        """Tell whether the counts are written as Anthropic does, where the input is without what was cached."""
        return _EXCLUSIVE in usage and "input_tokens" in usage and "prompt_tokens" not in usage

    def told(self, usage: object) -> Usage | None:
        """Convert a `usage` object; None also when it counts nothing: no answer costs no tokens at all."""
        found = self.usage(usage)
        return None if found == NOTHING else found

    def reasoning(self, usage: object) -> int:
        """Return the part of the output that was reasoning, in tokens."""
        return count(member(member(usage, self._output_details), "reasoning_tokens"))

    def totals(self, body: bytes) -> tuple[str | None, Usage]:
        """Return `(model, usage)` of a whole answer; `(None, UNREAD)` when the body can't be read."""
        try:
            answer = tolerant(_answer_decoder.decode, body)
            usage = self.told(answer.usage)
            if usage is None and b'"usage"' in body:
                whole = tolerant(_any_decoder.decode, body)
                usage = self.told(elsewhere(whole)) if isinstance(whole, dict) else None
            elif usage is not None and not usage.output_tokens:
                whole = tolerant(_any_decoder.decode, body)
                usage = replace(usage, is_estimated=_has_text(whole))
        except UNREADABLE:
            return None, UNREAD
        return text_or_none(answer.model), priced(usage or UNREAD, answer.service_tier)


def _with_the_rest(total: int, whole: int, output: int, cached: int, is_beside: bool) -> tuple[int, int]:
    """Return `(input, output)` of an upstream whose two counts are not all that it counts.

    Some tell cached tokens beside the input, not within. What else a total has is output: reasoning (xAI, Gemini), or
    what was not told at all.
    """
    if cached and (is_beside or total == whole + output + cached):
        whole += cached
    return whole, max(output, total - whole)


def _has_text(answer: dict[str, Any]) -> bool:
    """Tell whether the first choice of a whole answer says something."""
    choices = answer.get("choices")
    message = member(choices[0], "message") if isinstance(choices, list) and choices else None
    return any(member(message, name) for name in ("content", "reasoning_content", "reasoning", "tool_calls"))


def priced(usage: Usage, tier: object) -> Usage:
    """Return the usage with what the `service_tier` of the answer means for its price."""
    if not isinstance(tier, str):
        return usage
    if tier in WAITING_TIERS:
        return replace(usage, modes=(BATCH,))
    return replace(usage, modes=(FAST,)) if tier in ("priority", "fast") else usage


WAITING_TIERS = frozenset(("batch", "flex", "background"))
"""Service tiers at half the price."""


def long_values(*values: msgspec.Raw) -> tuple[msgspec.Raw, ...]:
    """Return those of `values` that are longer than `LONG_BYTES`.

    A search through a body steps over them.
    """
    return tuple([value for value in values if len(value) > LONG_BYTES])


def loose_index(value: object) -> int | None:
    """Return an index that may be written as a text; None for what is none."""
    try:
        return None if value is None or isinstance(value, bool) else int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return None


def text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def count_or_none(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def count(value: object) -> int:
    """Return a count that a vendor wrote, however oddly: from 0 to `MOST_TOKENS`, 0 when there is none."""
    if type(value) is int and 0 <= value <= MOST_TOKENS:  # as nearly all are
        return value
    value = number_in(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return 0
    return int(min(value, MOST_TOKENS))


def number_in(value: object) -> object:
    """Return the number that a text is; anything else as it is."""
    if not isinstance(value, str) or len(value) > MOST_DIGITS:
        return value
    whole, _, rest = value.partition(".")
    return int(whole) if whole.isdecimal() and not rest.strip("0") else value


def member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def usage_object(usage: Usage, reasoning: int = 0) -> dict[str, Any]:
    """Return our usage as a complete `usage` object of Chat Completions."""
    written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    prompt = usage.input_tokens + usage.cache_read_tokens + written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output_tokens,
        "total_tokens": prompt + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": written,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
