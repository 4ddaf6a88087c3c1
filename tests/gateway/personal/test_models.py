"""Where nobody serves, nobody knows which models there are."""

from __future__ import annotations

from gateway.kernel.parts import PARTS
from gateway.personal import models
from tests.gateway.usage.contexts import token
from tokens.records import Limits


def test_the_running_relay_is_asked() -> None:
    assert models.of(token(Limits("l"))) == []
    PARTS.put(models.READER, lambda record: [f"for-{record.id}"])
    try:
        assert models.of(token(Limits("l"))) == [f"for-{token(Limits('l')).id}"]
    finally:
        PARTS.drop(models.READER)
