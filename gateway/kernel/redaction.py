"""Takes secrets out of texts: the one place that knows what may never be shown, stored, logged or passed on.

Two kinds: the secrets that this process holds (in whatever escapes: of JSON, of URLs, of HTML; also cut short), and
whatever looks like anybody's. Logs are read by the operator alone, so there a little too much is hidden sooner than too
little; the words of an upstream go on to a caller, so there only what can hardly be anything else.
"""

from __future__ import annotations

import base64
import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import unescape as from_html

HIDDEN = "***"
SHORTEST_SECRET = 8  # shorter ones would blot out ordinary words
HEAD = 16
"""Letters of a secret by which it is found, however little of it follows."""
MOST_LEARNED = 4096
"""Of credentials that come and go; those of the settings stay."""
LEVELS = 3
"""Escapes inside escapes that are looked through."""

_SHAPES = [
    re.compile(pattern)
    for pattern in (
        r"la_(?:sk|rt|dc)_([A-Za-z0-9._~+/=-]+)",
        r"sk-ant-([A-Za-z0-9._~+/=-]{6,})",
        r"\bsk-(?!ant-)([A-Za-z0-9_-]{16,})",
        r"(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{4,8192}\.[A-Za-z0-9_-]{4,8192}(?:\.[A-Za-z0-9_-]*)?)",
        r"\bAIza([0-9A-Za-z_-]{20,})",
        r"\b(?:AKIA|ASIA)([A-Z0-9]{12,})",
        r"\bya29\.([A-Za-z0-9._-]{10,})",
        r"\b1//0([A-Za-z0-9_-]{20,})",
        r"\bGOCSPX-([A-Za-z0-9_-]{10,})",
        r"\b(?:gh[pousr]_|github_pat_)([A-Za-z0-9_]{16,})",
        r"\b(?:hf_|gsk_|r8_|nvapi-|xai-|pplx-|csk-|fw_|glpat-|xox[abeprs]-)([A-Za-z0-9_-]{16,})",
        r"(?<=://)([^/\s@'\"]{0,256}:[^/\s@'\"]{0,256})@",
        r"(-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]{1,16384})",
        r"(?i)[?&;](?:key|api[_-]?key|access_token|auth_token|token|sig|signature|x-amz-[a-z-]{1,32}|x-api-key)="
        r"(?!\*)([^&\s'\"<>\\]{8,})",
    )
]
_NAMES = (
    r"(?:[a-z-]{0,16}api[_-]?key|authorization|access[_-]?token|refresh[_-]?token|client[_-]?secret|"
    r"secret[_-]?access[_-]?key|session[_-]?token|security[_-]?token|(?:set-)?cookie|password)"
)
_GIVEN = r"['\"]?\s{0,8}[:=,]\s{0,8}(?:b(?=['\"]))?['\"]?(?!\*|bearer\b|basic\b|payment\b)"
_USER_CODE = r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}"
"""As `tokens.signin.codes` makes it: whoever reads one in time can let a stranger's client in, or keep hers out."""
_LOOSE = [
    re.compile(r"/(?:setup|handover)/([A-Za-z0-9_-]{20,})"),
    re.compile(r"(?i)/oauth/callback\?(?:[^\s'\"]{0,512}&)?code=(?!\*)([^&\s'\"<>\\]{8,})"),
    re.compile(rf"(?<![A-Za-z0-9_-])({_USER_CODE})(?![A-Za-z0-9_-])"),
    re.compile(r"(?i)user_?code['\"]?\s{0,8}[:=,]\s{0,8}['\"]?([a-z](?:[ +_.–-]{0,3}[a-z]){7})(?![a-z])"),
    re.compile(r"(?i)\b(?:bearer|basic|payment)\s{1,8}(?!\*)([^\s'\",;]{8,})"),
    re.compile(rf"(?i){_NAMES}{_GIVEN}([^\s'\",;)]{{4,}})"),
]
_STRICT = [
    re.compile(r"(?i)\b(?:bearer|basic)(?:\s|%20|\+){1,8}(?!\*)(?=[^\s'\",;\\]{0,256}\d)([^\s'\",;\\]{16,})"),
    re.compile(rf"(?i){_NAMES}{_GIVEN}(?=[^\s'\",;)\\]{{0,256}}\d)([^\s'\",;)\\]{{12,}})"),
]
_ESCAPE = re.compile(
    r"%([0-9A-Fa-f]{2})|\\[uU]([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|\\[uU]\{0{0,4}([0-9A-Fa-f]{2,4})\}"
    r"|\\([0-3][0-7]{2})|\\([\"'\\/])|(&#?[0-9A-Za-z]{1,8};)"
)

_URL_SAFE = str.maketrans("+/", "-_")

Span = tuple[int, int]


class Redactor:
    """Knows the secrets of one process."""

    def __init__(self) -> None:
        self._kept: dict[str, None] = {}
        self._learned: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def add(self, secrets: Iterable[str]) -> None:
        """More values never to be shown. Values under 8 letters are left to the patterns."""
        for secret in secrets:
            self._kept.update(dict.fromkeys(_forms(secret)))

    def learn(self, secret: str | None) -> None:
        """One that may be replaced one day: the last few thousand are known."""
        if not secret or len(secret) < SHORTEST_SECRET:
            return
        if secret in self._learned:  # a token is shown with every call
            self._learned.move_to_end(secret)
            return
        self._learned[secret] = _forms(secret)
        if len(self._learned) > MOST_LEARNED:
            self._learned.popitem(last=False)

    def __call__(self, text: str) -> str:
        """Clean a text of ours, for logs and rows; the same object when there is nothing to hide."""
        return _without(text, self._spans(text, _LOOSE))

    def words(self, text: str) -> str:
        """Clean a text of an upstream's, for whoever is told it."""
        return _without(text, self._spans(text, _STRICT, is_foreign=True))

    def body(self, data: bytes) -> bytes:
        """Clean bytes, of whatever encoding; the same object when there is nothing to hide."""
        text = data.decode("latin-1")  # a character for each byte
        spans = self._spans(text, _STRICT, is_foreign=True)
        return _without(text, spans).encode("latin-1") if spans else data

    def masked(self, data: bytes) -> bytes:
        """Clean bytes whose length has been told, keeping it."""
        text = data.decode("latin-1")
        out = bytearray(data)
        for start, end in self._spans(text, _STRICT, is_foreign=True):
            out[start:end] = b"*" * (end - start)
        return data if out == data else bytes(out)

    def _spans(
        self, text: str, patterns: Sequence[re.Pattern[str]], *, is_foreign: bool = False
    ) -> list[Span]:
        """Return what is to be hidden, as it stands and behind escapes; `is_foreign`: in other writings, too."""
        found: list[Span] = list(self._rewritten(text)) if is_foreign else []
        seen = text
        places: Sequence[int] = range(len(text) + 1)
        for level in range(LEVELS + 1):
            for start, end in (*self._known(seen), *_shaped(seen, patterns)):
                found.append((places[start], places[end]))
            if level == LEVELS:
                break
            inside = _unescaped(seen, places)
            if inside is None:
                break
            seen, places = inside
        return found

    def _known(self, text: str) -> Iterable[Span]:
        forms = list(self._kept)
        for each in list(self._learned.values()):
            forms += each
        return _found(text, forms)

    def _rewritten(self, text: str) -> Iterable[Span]:
        """Return where a secret stands in other cases of its letters, or in another writing of its bytes."""
        secrets = [*self._kept, *self._learned]
        folded = text.lower()
        if len(folded) == len(text):
            yield from _found(folded, [form for secret in secrets for form in _folded(secret)])
        yield from _found(text, [form for secret in secrets for form in _writings(secret)])


def _forms(secret: str) -> tuple[str, ...]:
    """As it stands in a text, in JSON, in UTF-8 of which each byte is a character, and in base64."""
    if len(secret) < SHORTEST_SECRET:
        return ()
    raw = secret.encode("utf-8", "surrogatepass")
    encoded = base64.b64encode(raw[: len(raw) // 3 * 3]).decode()
    return tuple(dict.fromkeys((secret, json.dumps(secret)[1:-1], raw.decode("latin-1"), encoded)))


@lru_cache(maxsize=2 * MOST_LEARNED)
def _folded(secret: str) -> tuple[str, ...]:
    """Return a secret as it stands in a text made small: itself, and in hexadecimal figures."""
    return secret.lower(), secret.encode("utf-8", "surrogatepass").hex()


@lru_cache(maxsize=2 * MOST_LEARNED)
def _writings(secret: str) -> tuple[str, ...]:
    """Return a secret as it stands in base64 behind other bytes (a user's name), in both alphabets."""
    raw = secret.encode("utf-8", "surrogatepass")
    found: dict[str, None] = {}
    for shift in range(3):
        shifted = bytes(shift) + raw
        plain = base64.b64encode(shifted[: len(shifted) // 3 * 3])[4 if shift else 0 :].decode()
        found.update(dict.fromkeys((plain, plain.translate(_URL_SAFE))))
    return tuple(form for form in found if len(form) >= HEAD)


def _found(text: str, forms: Iterable[str]) -> Iterable[Span]:
    for secret in forms:
        head = secret[:HEAD]
        start = text.find(head)
        while start >= 0:
            end = start + len(head)
            while end - start < len(secret) and text[end : end + 1] == secret[end - start]:
                end += 1
            yield start, end
            start = text.find(head, end)


def _shaped(text: str, patterns: Sequence[re.Pattern[str]]) -> Iterable[Span]:
    for pattern in (*_SHAPES, *patterns):
        for match in pattern.finditer(text):
            yield match.span(1)


def _unescaped(text: str, places: Sequence[int]) -> tuple[str, Sequence[int]] | None:
    """One level of escapes undone, with the place of each character; None when there is none."""
    out: list[str] = []
    where: list[int] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        start = match.start()
        letter = _letter(match)
        if len(letter) != 1:
            continue
        out += (text[at:start], letter)
        where += places[at : start + 1]
        at = match.end()
    if not out:
        return None
    out.append(text[at:])
    where += places[at:]
    return "".join(out), where


def _letter(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3] or match[4]
    if code:
        return chr(int(code, 16))
    return chr(int(match[5], 8)) if match[5] else match[6] or from_html(match[7])


def _without(text: str, spans: list[Span]) -> str:
    if not spans:
        return text
    out: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if end <= at:
            continue
        if start > at or at == 0:
            out += (text[at:start], HIDDEN)
        at = end
    out.append(text[at:])
    return "".join(out)


redact = Redactor()
"""Of this process."""
