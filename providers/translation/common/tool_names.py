"""Tool names that every upstream accepts, and the way back to the caller's.

Pure. A name that is too long or holds other characters than `a-z A-Z 0-9 _ -` becomes prefix + "_" + 8 hex of
its SHA-256: the same name always gives the same short one, so an upstream's prompt cache keeps its prefix.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import msgspec

MAX_NAME = 64
_ODD = re.compile(r"[^a-zA-Z0-9_-]")


def short_name(name: str, max_length: int = MAX_NAME) -> str:
    """Return a name that upstreams accept: `name` itself when it is acceptable as it is."""
    if 0 < len(name) <= max_length and not _ODD.search(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_ODD.sub('_', name)[: max_length - 9]}_{digest}"


class ToolNames:
    """Tool names of one exchange: shortened on the way up, restored on the way down."""

    __slots__ = ("_longs", "_max_length")

    def __init__(self, max_length: int = MAX_NAME) -> None:
        self._max_length = max_length
        self._longs: dict[str, str] = {}

    def shorten(self, name: str) -> str:
        short = short_name(name, self._max_length)
        if short != name:
            self._longs[short] = name
        return short

    def restore(self, name: str) -> str:
        """Return the caller's own name.

        A name that was not shortened comes back as it is.
        """
        return self._longs.get(name, name)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool as the caller knows it."""

    name: str
    is_custom: bool = False  # takes free text instead of JSON
    namespace: str | None = None


class ToolTable(msgspec.Struct):
    """Tools of one exchange by the names that the upstream sees."""

    max_length: int = MAX_NAME
    _tools: dict[str, Tool] = {}  # one of its own

    def add(self, tool: Tool) -> str:
        """Return the upstream's name for a tool.

        Adding the same tool again gives the same name.
        """
        full = tool.name if tool.namespace is None else f"{tool.namespace}__{tool.name}"
        name = short_name(full, self.max_length)
        self._tools.setdefault(name, tool)
        return name

    def find(self, upstream_name: str) -> Tool:
        """Return the caller's tool; a name that was never added is a plain function's."""
        return self._tools.get(upstream_name) or Tool(upstream_name)
