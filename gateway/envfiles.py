"""The two files of settings, `.lenv` and `.env`, read as link-assistant-router 0.18 reads them.

Pure: text in, a mapping out. Neither django-environ nor python-dotenv agrees with the reference (first
duplicate wins, `$NAME` without braces, bad lines skipped one by one), and people bring their files along.
"""

from __future__ import annotations

import re
from collections.abc import Mapping


def read_lenv(content: str) -> dict[str, str]:
    """`KEY: value` lines; the value is verbatim, the last duplicate wins.

    Lines that can't name a variable (empty key, `=` in it, a zero byte) are skipped: the reference
    aborts there, and a stray line is no reason not to start.
    """
    found: dict[str, str] = {}
    for line in content.split("\n"):
        line = line.removesuffix("\r")
        key, separator, value = line.partition(": ")
        key = key.strip()
        if not separator or not key or key.startswith("#"):
            continue
        if "=" not in key and "\0" not in line:
            found[key] = value
    return found


_ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_REST = re.compile(r"[ \t]*(?:#[^\n]*)?(?=\n|\Z)")
_ESCAPES = {"n": "\n", "\\": "\\", '"': '"', "'": "'", "$": "$", " ": " "}


class _BadLineError(Exception):
    pass


def read_env(content: str, known: Mapping[str, str]) -> dict[str, str]:
    """`KEY=VALUE` lines; the first duplicate wins, a line that can't be read is skipped.

    `$NAME` and `${NAME}` are taken from `known` (environment and `.lenv`), then from earlier lines.
    """
    found: dict[str, str] = {}
    content = content.replace("\r\n", "\n")
    position = 0
    while position < len(content):
        line_end = content.find("\n", position)
        line_end = len(content) if line_end < 0 else line_end
        assignment = _ASSIGNMENT.match(content, position)
        try:
            if assignment is not None:
                value, end = _value(content, assignment.end(), {**found, **known})
                found.setdefault(assignment.group(1), value)
                line_end = end
        except _BadLineError:
            pass
        position = line_end + 1
    return found


def _value(content: str, start: int, known: Mapping[str, str]) -> tuple[str, int]:
    """The value that starts at `start`, and where its line ends."""
    quote = content[start : start + 1]
    if quote == "'":
        end = content.find("'", start + 1)
        if end < 0:
            raise _BadLineError
        return content[start + 1 : end], _end_of_line(content, end + 1)
    if quote == '"':
        value, end = _unescape(content, start + 1, '"', known)
        if content[end : end + 1] != '"':
            raise _BadLineError
        return value, _end_of_line(content, end + 1)
    value, end = _unescape(content, start, " \t\n", known)
    return value, _end_of_line(content, end)


def _unescape(content: str, start: int, stops: str, known: Mapping[str, str]) -> tuple[str, int]:
    """Text up to one of `stops`, with escapes and variables put in."""
    parts: list[str] = []
    position = start
    while position < len(content) and content[position] not in stops:
        letter = content[position]
        variable = _VARIABLE.match(content, position)
        if letter == "\\":
            escaped = content[position + 1 : position + 2]
            if escaped not in _ESCAPES:
                raise _BadLineError
            parts.append(_ESCAPES[escaped])
            position += 2
        elif variable is not None:
            parts.append(known.get(variable.group(1) or variable.group(2), ""))
            position = variable.end()
        else:
            parts.append(letter)
            position += 1
    return "".join(parts), position


def _end_of_line(content: str, position: int) -> int:
    rest = _REST.match(content, position)
    if rest is None:
        raise _BadLineError
    return rest.end()
