"""Read what a path of a vendor's own API asks for: a list, a new object, or one object by its id.

Pure. The three collections that are known have their names; of a path that the operator adds, the first segment that
looks like an id is one, and what stands before it is the collection.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

import msgspec

from gateway.objects.records import Kind

COLLECTIONS: tuple[tuple[str, Kind], ...] = (
    ("/v1/messages/batches", Kind.BATCH),
    ("/v1/files", Kind.FILE),
    ("/v1/skills", Kind.SKILL),
)
CUSTOM_SKILL = "skill_"
"""Skills with other ids are the vendor's own, which everybody may use."""
KIND_LENGTH = 64
_ID = re.compile(
    r"[a-z]+(?:_[a-z]+)*[_-](?=[A-Za-z0-9_-]*[0-9A-Z])[A-Za-z0-9_-]{4,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


class Asked(msgspec.Struct, frozen=True):
    """Subject of a call to a path of objects."""

    method: str
    kind: str
    id: str | None = None  # None: the collection itself
    is_whole: bool = True  # the object, not something below it

    @property
    def is_list(self) -> bool:
        return self.id is None and self.method == "GET"

    @property
    def makes(self) -> bool:
        """Tell whether a good answer is a new object."""
        return self.id is None and self.method == "POST"

    @property
    def deletes(self) -> bool:
        """Tell whether the object is gone after a good answer."""
        return self.id is not None and self.is_whole and self.method == "DELETE"

    @property
    def is_vendors_own(self) -> bool:
        """Tell whether it is only read, and made by the vendor for everybody."""
        is_vendors = self.kind == Kind.SKILL and self.id is not None and not self.id.startswith(CUSTOM_SKILL)
        return is_vendors and self.method == "GET"


def read(method: str, path: bytes) -> Asked:
    """Return what the path, as it stands on the wire, asks for."""
    text = path.decode("latin-1")
    for prefix, kind in COLLECTIONS:
        if text == prefix:
            return Asked(method, kind)
        if text.startswith(prefix + "/"):
            first, _, rest = text[len(prefix) + 1 :].partition("/")
            return Asked(method, kind, _plain(first), is_whole=not rest)
    segments = text.split("/")
    for place, segment in enumerate(segments):
        if _ID.fullmatch(segment):
            collection = "/".join(segments[:place])[-KIND_LENGTH:]
            return Asked(method, collection, segment, is_whole=place == len(segments) - 1)
    return Asked(method, text[-KIND_LENGTH:])


def _plain(segment: str) -> str:
    """Return an id as the vendor will read it."""
    return unquote_to_bytes(segment).decode("utf-8", "replace")
