"""Bodies of views that read and write them themselves: named now, worked out with the document."""

from __future__ import annotations

from ninja import Schema

from gateway.kernel.described import answer, body


class Named(Schema):
    name: str


def test_a_body_names_its_schema() -> None:
    content = {"application/json": {"schema": Named}}
    assert body(Named) == {"requestBody": {"required": True, "content": content}}
    assert body(Named, is_required=False)["requestBody"]["required"] is False


def test_an_answer_names_its_schema() -> None:
    content = {"application/json": {"schema": Named}}
    assert answer(Named, "It") == {"responses": {200: {"description": "It", "content": content}}}
