r"""Read and write `tokens.lino` as the Rust router does: one `(token <id> (label "…") …)` per line. Pure.

Where the reference guesses, this reader reports: a group that isn't closed makes the record a problem
(there it vanishes, and a cut `(revoked true)` comes back as not revoked), and one bad line doesn't shut
the whole store. Quoted text is read as the UTF-8 it is; `repaired` undoes what the reference did to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tokens.files.types import Contents, Problem, StoredToken

HEADER = '# Link.Assistant.Router token store\n# Format: (token <id> (label "...") ...)\n'
NUMBERS = ("issued_at", "expires_at", "max_requests", "used_requests")

_LEXEME = re.compile(
    r'\s+|(?P<bracket>[()])|"(?P<text>(?:[^"\\]|\\.)*)"|(?P<word>[^\s()"]+)|(?P<open>")', re.DOTALL
)
_START = re.compile(r'\(\s*token\s+(?P<id>[^\s()"]+)[\s(]')  # enough of a cut record to know whose it is
_ESCAPED = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
_UNESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_TO_ESCAPE = re.compile(r'["\\\n\r\t]')
_NUMBER = re.compile(r"[+-]?[0-9]+")
_I64 = range(-(2**63), 2**63)

Lexeme = tuple[str, str]  # its sort (bracket, text, word) and its value


class _Damaged(Exception):
    """A record can't be trusted."""


def read(raw: bytes) -> Contents:
    """Read every record. Of a repeated id the last counts, but a revocation is never taken back."""
    found = Contents()
    for number, line in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            found.problems.append(Problem(f"line {number}", "stream did not contain valid UTF-8"))
            continue
        if text and not text.startswith("#"):
            _read_line(text, f"line {number}", found)
    return found


def write(tokens: Iterable[StoredToken]) -> bytes:
    """Write the file, sorted by id. Ids that the format can't hold are left out: ask `can_hold`."""
    lines = [_line(token) for token in sorted(tokens, key=lambda token: token.id) if can_hold(token.id)]
    return (HEADER + "".join(lines)).encode()


def can_hold(token_id: str) -> bool:
    """Tell whether the format can hold an id, which stands unquoted: without blanks, brackets and quotes."""
    return re.fullmatch(r'[^\s()"]+', token_id) is not None


def repaired(text: str) -> str:
    """Undo the reference's reading of UTF-8 as Latin-1, however often it was repeated."""
    while not text.isascii():
        try:
            text = text.encode("latin-1").decode()
        except UnicodeError:
            break
    return text


def _line(token: StoredToken) -> str:
    groups = [
        f"(label {_quoted(token.label)})",
        f"(issued_at {token.issued_at})",
        f"(expires_at {token.expires_at})",
        f"(revoked {'true' if token.revoked else 'false'})",
    ]
    if token.account is not None:
        groups.append(f"(account {_quoted(token.account)})")
    return f"(token {token.id} {' '.join(groups)})\n"


def _quoted(text: str) -> str:
    return '"' + _TO_ESCAPE.sub(lambda match: _ESCAPED[match.group()], text) + '"'


def _read_line(text: str, place: str, found: Contents) -> None:
    try:
        lexemes = _lexemes(text)
        token = _record(_token_id(lexemes), lexemes, found, place)
    except _Damaged as damage:
        start = _START.match(text)
        found.problems.append(Problem(place, str(damage), start["id"] if start else None))
        return
    before = found.records.get(token.id)
    if before is not None and before.revoked and not token.revoked:
        found.problems.append(
            Problem(place, "repeats a revoked id as not revoked; it stays revoked", token.id)
        )
        return
    found.records[token.id] = token


def _lexemes(text: str) -> Iterator[Lexeme]:
    if not (text.startswith("(") and text.endswith(")")) or len(text) < 2:
        raise _Damaged(f"expected parens around record: {text[:40]}")
    return _split(text[1:-1])


def _split(text: str) -> Iterator[Lexeme]:
    for match in _LEXEME.finditer(text):
        if match.lastgroup == "open":
            raise _Damaged("text that isn't closed")
        if match.lastgroup == "text":
            yield (
                "text",
                re.sub(r"\\(.)", lambda found: _UNESCAPED.get(found[1], found[1]), match["text"], flags=re.S),
            )
        elif match.lastgroup is not None:
            yield match.lastgroup, match[match.lastgroup]


def _token_id(lexemes: Iterator[Lexeme]) -> str:
    sort, kind = next(lexemes, ("end", ""))
    if sort != "word":
        raise _Damaged("missing record kind")
    if kind != "token":
        raise _Damaged(f"unexpected record kind: {kind[:40]}")
    sort, token_id = next(lexemes, ("end", ""))
    if sort != "word":
        raise _Damaged("missing token id")
    return token_id


def _record(token_id: str, lexemes: Iterator[Lexeme], found: Contents, place: str) -> StoredToken:
    values: dict[str, str] = {}
    account: str | None = None
    for lexeme in lexemes:
        if lexeme != ("bracket", "("):
            continue  # bare words and spare closing brackets between groups mean nothing
        name, value = _group(lexemes)
        if name == "account":
            account = value[1] if value is not None and value[0] == "text" else None
        elif name in ("label", "revoked", *NUMBERS):
            wanted = "text" if name == "label" else "word"
            if value is None or value[0] != wanted:
                raise _Damaged(f"{name} missing value")
            values[name] = value[1]
        else:
            found.problems.append(Problem(place, f"unknown field: {name[:40]}; the rest is kept"))
    numbers = {name: _number(values[name]) for name in NUMBERS if name in values}
    return StoredToken(
        id=token_id,
        label=values.get("label", ""),
        issued_at=numbers.get("issued_at", 0),
        expires_at=numbers.get("expires_at", 0),
        revoked=values.get("revoked") in ("true", "1", "yes"),
        account=account,
        max_requests=_remaining(numbers),
    )


def _group(lexemes: Iterator[Lexeme]) -> tuple[str, Lexeme | None]:
    """Read one group's name and first value, and its closing bracket."""
    sort, name = next(lexemes, ("end", ""))
    if sort != "word":
        raise _Damaged("field missing key" if sort != "end" else "a group that isn't closed")
    first: Lexeme | None = None
    depth, is_first = 1, True
    for lexeme in lexemes:
        if lexeme[0] == "bracket":
            depth += 1 if lexeme[1] == "(" else -1
            if depth == 0:
                return name, first
        elif is_first and depth == 1:
            first = lexeme
        is_first = False
    raise _Damaged("a group that isn't closed")


def _number(word: str) -> int:
    if not _NUMBER.fullmatch(word):
        raise _Damaged("invalid digit found in string")
    if len(word) > 20 or int(word) not in _I64:
        raise _Damaged("number too large to fit in target type")
    return int(word)


def _remaining(numbers: dict[str, int]) -> int | None:
    if "max_requests" not in numbers:
        return None
    return min(max(numbers["max_requests"] - numbers.get("used_requests", 0), 0), _I64[-1])
