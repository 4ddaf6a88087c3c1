"""Read the text fields of a multipart form, and replace one: files come beside the model that is to read them.

Pure. Only the heads of the parts are looked at; files are stepped over by a search for the boundary, and no byte of the
body changes but those of the field that is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from providers.dialects.types import CallFields, Headers, header

MAX_PARTS = 256
MAX_FIELD_BYTES = 4096
_BOUNDARY = re.compile(rb'boundary=(?:"([^"]{1,70})"|([^";,]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb'(?:^|;)\s*name="?([^";\r\n]*)"?', re.IGNORECASE)
_FILE = re.compile(rb"(?:^|;)\s*filename\*?=", re.IGNORECASE)
_DISPOSITION = re.compile(rb"(?im)^content-disposition:\s*form-data\s*(;[^\r\n]*)")

Span = tuple[int, int]


def boundary_of(headers: Headers) -> bytes | None:
    """Return the boundary of a multipart form; None when the body is none."""
    kind = header(headers, b"content-type") or b""
    if not kind.lstrip().lower().startswith(b"multipart/form-data"):
        return None
    found = _BOUNDARY.search(kind)
    return (found[1] or found[2]).strip() if found is not None else None


def fields_of(body: bytes, boundary: bytes) -> dict[bytes, list[Span]]:
    """Return where the value of each text field stands, by its name."""
    found: dict[bytes, list[Span]] = {}
    for name, span in _parts(body, boundary):
        found.setdefault(name, []).append(span)
    return found


def read_call(body: bytes, boundary: bytes) -> CallFields:
    """Return the fields that the relay needs; unreadable when one of them is given twice."""
    found = fields_of(body, boundary)
    model, stream = found.get(b"model", []), found.get(b"stream", [])
    if len(model) > 1 or len(stream) > 1:
        return CallFields(is_readable=False)
    return CallFields(
        model=body[slice(*model[0])].decode("utf-8", "replace").strip() or None if model else None,
        stream=bool(stream) and body[slice(*stream[0])].strip().lower() in (b"true", b"1"),
    )


def with_model(body: bytes, boundary: bytes, model: str) -> bytes:
    """Return the form with another model; a form that names none gets it as its first field."""
    found = fields_of(body, boundary).get(b"model")
    if found:
        start, end = found[0]
        return body[:start] + model.encode() + body[end:]
    part = b'--%b\r\ncontent-disposition: form-data; name="model"\r\n\r\n%b\r\n' % (boundary, model.encode())
    return part + body


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[bytes, Span]]:
    """Yield (name, span of the value) of each part that is no file."""
    mark = b"--" + boundary
    at = 0 if body.startswith(mark) else body.find(b"\r\n" + mark) + 2
    for _ in range(MAX_PARTS):
        start = at + len(mark)
        if at < 0 or body[start : start + 2] != b"\r\n":
            return
        head_end = body.find(b"\r\n\r\n", start)
        end = body.find(b"\r\n" + mark, max(head_end + 2, start))
        if head_end < 0 or end < 0:
            return
        disposition = _DISPOSITION.search(body, start, head_end)
        if disposition is not None and _FILE.search(disposition[1]) is None:
            name = _NAME.search(disposition[1])
            if name is not None and end - head_end - 4 <= MAX_FIELD_BYTES:
                yield name[1], (head_end + 4, max(end, head_end + 4))
        at = end + 2
