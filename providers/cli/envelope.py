"""Refuse what a command line can't carry, around whichever translator speaks Messages. Pure."""

from __future__ import annotations

from providers.cli.asking import check_fields, read_task
from providers.dialects.types import Call, Failure, Target, Translator, WireAnswer, WireRequest
from providers.dialects.wrapping import Wrapping


class CliEnvelope:
    """Wraps the translators of the kind."""

    def wrap(self, inner: Translator) -> Translator:
        """Return a translator that asks a command line only for what it can do."""
        return CliTranslator(inner)


class CliTranslator(Wrapping):
    """One exchange."""

    def request(self, call: Call, target: Target) -> WireRequest:
        """Return the request, or refuse it by the caller's own names."""
        check_fields(call.body)
        request = self._inner.request(call, target)
        read_task(request.body)
        return request

    def response(self, answer: WireAnswer) -> WireAnswer:
        return self._inner.response(answer)

    def feed(self, chunk: bytes) -> bytes:
        return self._inner.feed(chunk)

    def finish(self) -> bytes:
        return self._inner.finish()

    def fail(self, failure: Failure) -> bytes:
        return self._inner.fail(failure)

    def keepalive(self) -> bytes:
        return self._inner.keepalive()
