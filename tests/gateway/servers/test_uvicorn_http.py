"""The hooks of uvicorn's protocol on which ours relies. The rest: test_limits.py, test_runner.py."""

import inspect

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HOOKS = [
    "data_received",
    "send_400_response",
    "on_headers_complete",
    "on_body",
    "on_message_complete",
    "on_response_complete",
    "_start_asgi_task",
    "connection_lost",
    "_unset_keepalive_if_required",
]
FIELDS = [
    "body",
    "disconnected",
    "keep_alive",
    "response_started",
    "response_complete",
    "more_body",
    "message_event",
]


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_are_there(name: str) -> None:
    assert callable(getattr(HttpToolsProtocol, name))


def test_the_cycle_has_the_fields_that_we_use() -> None:
    source = inspect.getsource(RequestResponseCycle.__init__)
    for name in FIELDS:
        assert f"self.{name} = " in source
