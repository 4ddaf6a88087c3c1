"""Share what translators have in common that stand around another one. Pure."""

from __future__ import annotations

from providers.dialects.types import Failure, Translator, Usage


class Wrapping:
    """Tells of an exchange what the translator inside tells."""

    def __init__(self, inner: Translator) -> None:
        self._inner = inner

    @property
    def innermost(self) -> Translator:
        """Return the translator that nothing is in."""
        return innermost(self._inner)

    @property
    def is_transparent(self) -> bool:
        return self._inner.is_transparent

    @property
    def usage(self) -> Usage:
        return self._inner.usage

    def written(self, size: int) -> int:
        return self._inner.written(size)

    @property
    def model(self) -> str | None:
        return self._inner.model

    @property
    def failure(self) -> Failure | None:
        return self._inner.failure


def innermost(translator: Translator) -> Translator:
    """Return the translator that others may stand around."""
    return translator.innermost if isinstance(translator, Wrapping) else translator
