from __future__ import annotations

from providers.dialects.responses_usage import guessed
from providers.dialects.types import UNREAD, Usage

OUTPUT = [
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a" * 40}], "encrypted_content": "z" * 900},
    {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "b" * 100, "annotations": []}]},
    {"type": "function_call", "id": "fc_1", "name": "f", "arguments": "c" * 20},
]  # fmt: skip


def test_texts_and_arguments_are_counted() -> None:
    assert guessed({"output": OUTPUT}) == Usage(output_tokens=40, is_estimated=True)


def test_nothing_was_said() -> None:
    assert guessed({"output": []}) is guessed({}) is guessed(None) is UNREAD
