from __future__ import annotations

import pytest

from providers.dialects import mentions
from providers.dialects.types import Call


def call(body: bytes) -> Call:
    return Call("", "POST", b"/", b"", (), body)


@pytest.mark.parametrize(
    ("body", "may"),
    [
        (rb'{"file":{"file_id":"f"}}', True),
        (rb'{"file":{"file\u005fid":"f"}}', True),
        (rb'{"file":{"file\u005Fid":"f"}}', True),
        (rb'{"text":"caf\u00e9 \u001b \u003c"}', False),
        (rb'{"text":"\"file_id\""}', False),
    ],
)
def test_chat(body: bytes, may: bool) -> None:
    assert mentions.by_chat(call(body)) is may


@pytest.mark.parametrize(
    ("body", "may"),
    [
        (rb'{"previous_response_id":"r"}', True),
        (rb'{"input":[{"id":"i"}]}', True),
        (rb'{"conversation":"c"}', True),
        (rb'{"tools":[{"container":"c"}]}', True),
        (rb'{"tools":[{"vector_store_ids":["v"]}]}', True),
        (rb'{"c\u006fnversation":"c"}', True),
        (rb'{"input":"caf\u00e9"}', False),
    ],
)
def test_responses(body: bytes, may: bool) -> None:
    assert mentions.by_responses(call(body)) is may
