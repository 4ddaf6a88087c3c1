"""The relay's options and surfaces, as the settings say."""

from typing import Any

import pytest

from gateway.exchange.downstream import Request
from gateway.runtime import from_settings


@pytest.mark.parametrize(
    ("changes", "hidden", "shown"),
    [
        ({"DISABLE_ANTHROPIC_API": True}, b"/v1/messages", b"/v1/chat/completions"),
        ({"DISABLE_OPENAI_API": True}, b"/v1/chat/completions", b"/v1/messages"),
        ({"UPSTREAM_API_FORMAT": "bedrock"}, b"/v1/messages", b"/invoke"),
        ({"UPSTREAM_API_FORMAT": "anthropic"}, b"/x:rawPredict", b"/v1/messages"),
    ],
)
def test_switches_take_paths_out_of_the_table(
    options: Any, changes: dict[str, object], hidden: bytes, shown: bytes
) -> None:
    table = from_settings.table(options(**changes))
    assert table.match("POST", hidden) is None
    assert table.match("POST", shown) is not None


@pytest.mark.parametrize(("proxies", "peer"), [((), None), (("127.0.0.0/8",), "203.0.113.9")])
def test_the_caller_is_the_one_behind_trusted_proxies(
    options: Any, proxies: tuple[str, ...], peer: str | None
) -> None:
    forwarded = ((b"x-forwarded-for", b"198.51.100.7, 203.0.113.9"),)
    request = Request("POST", b"/v1/messages", b"", forwarded, "127.0.0.1")
    from_settings.guards.gate.cache_clear()
    found = from_settings.peer(options(TRUSTED_PROXIES=proxies))  # None: the peer itself
    assert (None if found is None else found(request)) == peer
    from_settings.guards.gate.cache_clear()
