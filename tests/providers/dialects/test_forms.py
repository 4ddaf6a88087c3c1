from __future__ import annotations

import pytest

from providers.dialects.forms import boundary_of, fields_of, read_call, with_model

MARK = b"XmarkX"
AUDIO = b'RIFF\r\n--Xmar\r\n\x00\xff name="model"\r\n\r\nnone'


def form(*parts: tuple[str, bytes], first: bytes = b"") -> bytes:
    out = first
    for disposition, value in parts:
        out += (
            b"--"
            + MARK
            + b"\r\nContent-Disposition: form-data; "
            + disposition.encode()
            + b"\r\n\r\n"
            + value
            + b"\r\n"
        )
    return out + b"--" + MARK + b"--\r\n"


FILE = ('name="file"; filename="model.wav"\r\nContent-Type: audio/wav', AUDIO)
BODY = form(FILE, ('name="model"', b"whisper-1"), ('name="stream"', b"true"))


def test_the_fields_beside_a_file() -> None:
    fields = read_call(BODY, MARK)
    assert (fields.model, fields.stream, fields.is_readable) == ("whisper-1", True, True)
    assert set(fields_of(BODY, MARK)) == {b"model", b"stream"}


@pytest.mark.parametrize("name", ['name="model"', "name=model", 'Name="model"; x=y'])
@pytest.mark.parametrize("first", [b"", b"\r\n", b"preamble\r\n"])
def test_spellings(name: str, first: bytes) -> None:
    assert read_call(form(('name="x"', b""), (name, b"m"), first=first), MARK).model == "m"


def test_another_model_and_every_other_byte_the_same() -> None:
    changed = with_model(BODY, MARK, "gpt-4o-transcribe")
    assert changed == BODY.replace(b"whisper-1", b"gpt-4o-transcribe")
    without = form(FILE)
    added = with_model(without, MARK, "m")
    assert added.endswith(without) and read_call(added, MARK).model == "m"


def test_a_model_given_twice_is_no_model() -> None:
    twice = form(('name="model"', b"a"), ('name="model"', b"b"))
    assert not read_call(twice, MARK).is_readable


@pytest.mark.parametrize(
    "body", [b"", b"--XmarkX", b"--XmarkX\r\n", BODY[:80], b"{}", b"\r\n\r\n", b"--XmarkX--\r\n"]
)
def test_what_is_no_form_has_no_fields(body: bytes) -> None:
    assert read_call(body, MARK).model is None and read_call(body, MARK).is_readable


@pytest.mark.parametrize(
    ("kind", "boundary"),
    [
        (b"multipart/form-data; boundary=XmarkX", MARK),
        (b'multipart/form-data; boundary="a,b;c=d\'()+_-./:?"; charset=utf-8', b"a,b;c=d'()+_-./:?"),
        (b'Multipart/Form-Data; charset=utf-8; BOUNDARY="x y"', b"x y"),
        (b'Multipart/Form-Data; charset=x; Boundary="XmarkX"', MARK),
        (b"multipart/form-data", None),
        (b"application/json", None),
    ],
)
def test_boundaries(kind: bytes, boundary: bytes | None) -> None:
    assert boundary_of(((b"content-type", kind),)) == boundary
    assert boundary_of(()) is None
