"""Listens to the answer of a call as it passes: for errors, and for the call's credential."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.kernel.redaction import redact
from providers.dialects.encodings import codings, decoder, is_known, needed, without_coding
from providers.dialects.types import Translator, WireAnswer
from providers.dialects.wrapping import innermost
from providers.quoting import Heeding, quote_of
from providers.translation.pairs.passthrough import Passthrough
from providers.words import CLEAN_EVENT, MAX_WORDS_BYTES, QuietWords, StreamWords

_ERROR_BODY = re.compile(
    rb"\s{0,64}\[?\s{0,64}\{\s{0,64}(?:\"(?:error|errors|error_msg|detail)\"\s{0,8}:"
    rb"|\"(?:type|object)\"\s{0,8}:\s{0,8}\"error\")"
)
_OTHER_BODY = re.compile(
    rb"\s{0,64}(?:[^\s\[{]|\[?\s{0,64}\{\s{0,64}(?:\}|\"(?:[^edto]|(?:type|object)\"\s{0,8}:\s{0,8}\"[^e])))"
)
_OPENINGS = (b'{"id"', b'{"model"', b'{"type":"message"')
"""Of nearly all answers: known without the patterns."""
SEARCHED_BYTES = 256 * 1024
"""So much of an answer is searched for the call's credential, whatever its shape."""
OPENING_BYTES = 256
"""Within these it is seen what an answer is."""


class WholeWords:
    """Masks secrets in a 200 that is an error all the same, and the call's own credential (`secret`) in any answer.

    What is no error passes from its first bytes on, but for an end that may be the beginning of the credential.
    """

    __slots__ = ("_is_known", "_left", "_quote", "held")

    def __init__(self, secret: str = "") -> None:
        self.held = b""
        self._quote = quote_of(secret)
        self._left = SEARCHED_BYTES
        self._is_known = False  # for no error, or for one that has been masked

    def __call__(self, chunk: bytes) -> bytes:
        if self._left <= 0:
            return chunk
        held, quote = self.held, self._quote
        data = held + chunk if held else chunk
        if not self._is_known and (held or not data.startswith(_OPENINGS)):
            data = self._looked_at(data)
            if not self._is_known:
                return b""
        self._is_known, self.held = True, b""
        self._left -= len(chunk)
        if data[-1:] in quote.lasts and self._left > 0 and (count := quote.begun(data)):
            data, self.held = data[:-count], data[-count:]
        return data if data.rfind(quote.needle) < 0 else quote.masked(data)

    def _looked_at(self, data: bytes) -> bytes:
        """Hold an answer while it may be an error; return it once it is known what it is."""
        self._is_known = _OTHER_BODY.match(data) is not None
        if self._is_known:
            return data
        is_error = _ERROR_BODY.match(data) is not None
        if len(data) < OPENING_BYTES or (is_error and len(data) <= MAX_WORDS_BYTES):
            self.held = data
            return data
        self._is_known = True
        return redact.masked(data) if is_error else data

    def flush(self) -> bytes:
        """Return what is left at the end of the answer."""
        rest, self.held = self.held, b""
        is_clean = (
            not self._is_known and _ERROR_BODY.match(rest) is None and rest.find(self._quote.needle) < 0
        )
        return rest if is_clean else self._quote.masked(rest)


def words_of(extensions: Mapping[str, Any], is_stream: bool, secret: str) -> StreamWords | WholeWords:
    """Return who looks at an answer's bytes for errors, and for the credential."""
    if not is_stream:
        return WholeWords(secret)
    clean = extensions.get(CLEAN_EVENT, redact.body)
    if clean is None:
        return QuietWords(redact.body, secret)
    return StreamWords(clean if clean is redact.body else lambda raw: redact.body(clean(raw)), secret)


class DecodedWords:
    """Decodes a stream that is to be translated, and listens to it then. Raises `Refused` where it can't be read."""

    __slots__ = ("_decoder", "_words")

    def __init__(self, head: WireAnswer, words: StreamWords | WholeWords | None) -> None:
        self._decoder = decoder(head.headers)
        self._words = words

    @property
    def held(self) -> bytes:
        return b"" if self._words is None else self._words.held

    def __call__(self, chunk: bytes) -> bytes:
        seen = chunk if self._decoder is None else needed(self._decoder, chunk)
        return seen if self._words is None else self._words(seen)

    def flush(self) -> bytes:
        """Return what is left at the end of the stream."""
        return b"" if self._words is None else self._words.flush()


Words = StreamWords | WholeWords | DecodedWords
"""Who looks at an answer's bytes before its translator."""


def coded_words(
    head: WireAnswer, extensions: Mapping[str, Any], is_stream: bool, secret: str, translator: Translator
) -> tuple[WireAnswer, Words | None]:
    """Return the head that the translator of a compressed answer is to see, and who listens before it.

    What passes as it came is heard by its translator alone, which decodes it for its usage.
    """
    names, passing = codings(head.headers), innermost(translator)
    if not names:
        return head, words_of(extensions, is_stream, secret)
    if isinstance(passing, Passthrough):
        passing.heed = Heeding(secret)
        return head, None
    if not is_known(names):
        return head, None
    plain = WireAnswer(head.status, without_coding(head.headers), head.body)
    return plain, DecodedWords(head, words_of(extensions, is_stream, secret))
