"""What the settings mean to the road."""

import pytest
from django.test import override_settings

from gateway import configured
from gateway.wire import Request


@pytest.mark.parametrize(
    ("settings", "hidden", "shown"),
    [
        ({"DISABLE_ANTHROPIC_API": True}, b"/v1/messages", b"/v1/chat/completions"),
        ({"DISABLE_OPENAI_API": True}, b"/v1/chat/completions", b"/v1/messages"),
        ({"UPSTREAM_API_FORMAT": "bedrock"}, b"/v1/messages", b"/invoke"),
        ({"UPSTREAM_API_FORMAT": "anthropic"}, b"/x:rawPredict", b"/v1/messages"),
    ],
)
def test_switches_take_paths_out_of_the_table(
    settings: dict[str, object], hidden: bytes, shown: bytes
) -> None:
    with override_settings(**settings):
        table = configured.table()
    assert table.match("POST", hidden) is None
    assert table.match("POST", shown) is not None


@pytest.mark.parametrize(("proxies", "peer"), [((), "127.0.0.1"), (("127.0.0.0/8",), "203.0.113.9")])
def test_the_caller_is_the_one_behind_trusted_proxies(proxies: tuple[str, ...], peer: str) -> None:
    forwarded = ((b"x-forwarded-for", b"198.51.100.7, 203.0.113.9"),)
    request = Request("POST", b"/v1/messages", b"", forwarded, "127.0.0.1")
    configured.guards.gate.cache_clear()
    with override_settings(TRUSTED_PROXIES=proxies):
        assert configured.peer()(request) == peer
    configured.guards.gate.cache_clear()
