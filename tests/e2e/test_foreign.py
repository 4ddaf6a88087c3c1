"""The gateway inside another Django project, under plain `get_asgi_application()`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.calls import STREAM
from tests.fakes.vendor import API_KEY
from tests.harness import ROOT

HOST = Path(__file__).resolve().parents[1] / "foreign"
FOREIGN = {"DJANGO_SETTINGS_MODULE": "host.settings", "PYTHONPATH": f"{ROOT}:{HOST}"}


@pytest.fixture
def host(start):
    return start("django", FOREIGN)


def test_it_is_the_hosts_and_ours(host, vendor):
    assert host.ask("GET", "/").body == b"the host's own page"
    answer = host.messages(STREAM)
    assert answer.status == 200
    assert answer.body.startswith(b"event: message_start") and b"message_stop" in answer.body
    assert vendor.last.all("x-api-key") == [API_KEY.encode()]
    assert host.exchanges(host.token)[0]["status"] == 200
    assert host.admin("GET", "/v1/usage").json()["anthropic_messages"] == 1
    assert host.ask("GET", "/nowhere").error[:2] == (401, "authentication_error")
    assert host.ask("GET", "/api/tokens/list").error[:2] == (401, "authentication_error")
    assert host.ask("GET", "/metrics").status == 200  # by an option that the host's settings change
    assert host.ask("GET", "/admin/login/").status == 200
    assert host.ask("GET", "/health").body == b"ok"
