"""The ending of a Responses answer: its reason, its usage, the model that gave it.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from providers.dialects.openai_fields import priced, text_or_none
from providers.dialects.openai_responses import reasoning_tokens, usage_told
from providers.dialects.responses_usage import searches_of
from providers.dialects.types import Failure, Usage
from providers.translation.common.parts import Outcome, nonsense


class Ending:
    """Collector of what the response objects of a stream tell, or the one of a whole answer."""

    __slots__ = ("_reasoning_tokens", "_usage", "model", "reason")

    def __init__(self) -> None:
        self.model: str | None = None
        # A Chat finish reason, or the upstream's own unknown word; None until the end.
        self.reason: str | None = None
        self._usage: Usage | None = None
        self._reasoning_tokens = 0

    def see(self, response: dict[str, Any]) -> None:
        """Take note of a response object, complete or not."""
        self.model = text_or_none(response.get("model")) or self.model
        usage = response.get("usage")
        if (told := usage_told(usage)) is not None:
            told = replace(told, web_searches=searches_of(response))
            self._usage = priced(told, response.get("service_tier"))
        self._reasoning_tokens = reasoning_tokens(usage) or self._reasoning_tokens

    def close(self, response: dict[str, Any]) -> Failure | None:
        """Take note of the last response object.

        A status that is no end is the upstream's failure.
        """
        self.see(response)
        status = response.get("status") or "completed"
        if status == "completed":
            self.reason = "stop"
        elif status == "incomplete":
            details = response.get("incomplete_details")
            why = details.get("reason") if isinstance(details, dict) else None
            self.reason = "length" if why in (None, "max_output_tokens") else str(why)
        else:
            return nonsense(f"The upstream's response ended as {status!r}")
        return None

    def outcome(self, estimate: Callable[[], Usage], *, has_calls: bool, has_refusal: bool) -> Outcome:
        """Return the outcome.

        `estimate` is asked only where the upstream told no usage, or none of the output.
        """
        reason = "tool_calls" if self.reason == "stop" and has_calls else self.reason or ""
        usage = self._usage
        if usage is None:
            usage = estimate()
        elif not usage.output_tokens and (written := estimate().output_tokens):
            usage = replace(usage, output_tokens=written, is_estimated=True)
        return Outcome(reason, usage, self._reasoning_tokens, has_refusal)
