"""The words of sources and documents: private ones are found, each with the field's word for it.

A text is what people read: identifiers word by word, comments, and every string (docstrings, log lines, errors, admin
and API texts). `Word.allowed` takes the ordinary senses out before a text is searched.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Word:
    """A private word, the field's word for it, and texts that show what is found and what is not."""

    instead: str
    prose: str  # a regular expression for comments and strings, case ignored
    names: str  # the same for the words of an identifier, joined by blanks
    found: tuple[str, ...]
    passed: tuple[str, ...] = ()
    allowed: str = r"(?!)"  # ordinary senses

    def search(self, text: str, is_name: bool = False) -> re.Match[str] | None:
        """Return the first place in the text where the private word stands."""
        plain = re.sub(self.allowed, lambda found: re.sub(r"\S", "_", found[0]), text, flags=re.IGNORECASE)
        return re.search(self.names if is_name else self.prose, plain, re.IGNORECASE)


def _word(
    instead: str, forms: str, *found: str, passed: tuple[str, ...] = (), allowed: str = r"(?!)"
) -> Word:
    """Make a word that is private in prose and in names alike."""
    expression = rf"\b(?:{forms})\b"
    return Word(instead, expression, expression, found, passed, allowed)


WORDS = (
    _word("surface or entry point", r"doors?", "the fast door", "door name", passed=("outdoor use",)),
    _word(
        "downstream or upstream",
        r"wires?",
        "the wire's headers",
        "wire",
        passed=(
            "bytes on the wire",
            "in wire order",
            "WireRequest",
            "wire answer",
            "see tests/wire",
            "a wire language",
            "tests.wire",
        ),
        allowed=r"wire ?(?:request|answer)s?|tests[./]wire|on\s+the\s+wire|wire\s+(?:order|form|format|language)s?",
    ),
    _word(
        "exchange",
        r"trips?",
        "a call's trip",
        passed=("two round trips", "round trips"),
        allowed=r"round\s+trips?",
    ),
    _word("dependencies", r"houses?", "the order of the house", "house", passed=("housekeeping",)),
    Word(
        "cooldown",
        r"\b(?:rests|rested|resting)\b|(?<!\bthe )(?<!\bat )(?<!\bany )\brest\b"
        r"|\brest\s+of\s+(?:(?:a|an|its|the)\s+)?(?:provider'?s?\s+|own\s+)*(?:account|key|credential)\b",
        r"\b(?:rests|rested|resting)\b",
        (
            "an account that rests",
            "Rest of an account",
            "put to rest",
            "its rest",
            "all resting",
            "end the rest of a provider's own key",
        ),
        ("the rest of the body", "the rest is skipped", "secrets at rest", "a restart", "{path:rest}"),
        r"\{\w+:rest\}",
    ),
    _word("session affinity, sticky session", r"seat(?:s|ed|ing)?", "the seat of a conversation", "seats"),
    Word(
        "outcome tracking or a verdict",
        r"\b(?:a|an|the|our|its)\s+(?:judges?|judging)\b",
        r"\bjudg(?:e|es|ed|ing)\b",
        ("the judge of answers", "what the judges say", "the judging of an answer"),
        ("a word that is the upstream's to judge", "a model judged by its name", "the upstream judges"),
    ),
    _word("maintenance", r"keepers?", "the keeper of the pool", passed=("bookkeeper", "timekeeping")),
    Word(
        "stored response",
        r"\b(?:shelf|shelves|(?:a|an|the)\s+keepings?)\b",
        r"\b(?:shelf|shelves|keepings?)\b",
        ("on the shelf", "the keeping of a response"),
        ("keeping the order", "housekeeping"),
    ),
    _word("watchdog", r"pulses?", "the pulse stopped it"),
    _word(
        "strategy", r"wheels?", "the wheel turns", passed=("a wheel file of PyPI",), allowed=r"wheel\s+files?"
    ),
    _word("preferred", r"calm", "the calm ones first"),
    _word("near limit", r"veterans?", "veterans last"),
    _word(
        "health or status",
        r"conditions?",
        "the condition of the process",
        passed=(
            "a race condition",
            "condition=models.Q(status=1)",
            "threading.Condition",
            "on condition that",
            "`condition` in GET /api/providers",
            '"condition": status(row)',
            "condition: ProviderStatusOut",
        ),
        allowed=r"race\s+conditions?|on\s+condition\s+that|condition=(?:models\.|Q\(|IS_BROKEN)|(?:threading|asyncio)\.condition"
        r"|[`\"]condition[`\"]|\bcondition:\s*ProviderStatusOut",  # a key of the API stays
    ),
    _word("peers", r"neighbours?", "tell the neighbours"),
    _word(
        "change bus",
        r"push(?:es|ed|ing)?",
        "push listener",
        "pushed to the others",
        passed=("a git push", "ForgeFed's Push activity", "pushed back"),
        allowed=r"git\s+push|forgefed'?s?\s+push|push\s+activit(?:y|ies)|push(?:ed|es)?\s+(?:back|a\s+commit|commits)",
    ),
    _word("release", r"let(?:s|ting)?\s+go", "let go of the lease", passed=("let the call go on",)),
    _word("relay, the relay's path", r"roads?", "on the road", passed=("broad",)),
)


_ANY = re.compile("|".join(word.prose for word in WORDS), re.IGNORECASE)


@dataclass(frozen=True)
class Text:
    """A piece of text that people read, with the line on which it begins.

    `around` is given for a name: the source that may show its ordinary sense (`condition=models.Q`).
    """

    line: int
    words: str
    around: str | None = None


def in_source(source: str) -> Iterator[Text]:
    """Yield the names, comments and strings of a Python file."""
    middle = getattr(tokenize, "FSTRING_MIDDLE", None)  # Python 3.12; before that an f-string is one string
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for place, token in enumerate(tokens):
        if token.type == tokenize.NAME:
            around = "".join(each.string for each in tokens[max(0, place - 2) : place + 4])
            yield Text(token.start[0], token.string, around)
        elif token.type in (tokenize.COMMENT, tokenize.STRING, middle):
            yield Text(token.start[0], token.string)


@cache
def _in_name(name: str) -> tuple[tuple[Word, str], ...]:
    """Find private words in an identifier: `letGo`, `LetGo` and `let_go` are "let go"."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_+", " ", name).strip()
    return tuple((word, found[0]) for word in WORDS if (found := word.search(split, is_name=True)))


def in_document(document: str, without_first_cells: bool = False) -> Iterator[Text]:
    """Yield a document's paragraphs; without the first cells of its tables, where another's words are quoted."""
    lines = document.splitlines()
    if without_first_cells:
        lines = [re.sub(r"^\|[^|]*\|", "|", line) for line in lines]
    begin, paragraph = 1, []
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            paragraph.append(line)
            continue
        if paragraph:
            yield Text(begin, "\n".join(paragraph))
        begin, paragraph = number + 1, []


def private_words(path: Path, texts: Iterator[Text]) -> Iterator[str]:
    """Yield a line for every private word: where it stands, and the field's word for it."""
    for text in texts:
        if text.around is not None:
            for word, found in _in_name(text.words):
                if not re.search(word.allowed, text.around, re.IGNORECASE):
                    yield f"{path}:{text.line}: {found!r} is {word.instead}"
        elif _ANY.search(text.words):
            for word in WORDS:
                if (place := word.search(text.words)) is not None:
                    line = text.line + text.words[: place.start()].count("\n")
                    yield f"{path}:{line}: {place[0]!r} is {word.instead}"
