"""The gateway inside another Django project, under plain `get_asgi_application()`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import printed
from tests.e2e.calls import STREAM
from tests.fakes.vendor import API_KEY
from tests.harness import ROOT, manage

HOST = Path(__file__).resolve().parents[1] / "foreign"
FOREIGN = {"DJANGO_SETTINGS_MODULE": "host.settings", "PYTHONPATH": f"{ROOT}:{HOST}"}
PAGE = "docs/embedding.md"
PROGRAM = re.compile(r"^```python\n# (yours/\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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


def test_the_project_of_the_documents_is_served_with_the_gateway(start, vendor, tmp_path):
    project = tmp_path / "srv"
    (project / "yours").mkdir(parents=True)
    (project / "yours" / "__init__.py").touch()
    written = PROGRAM.findall(printed.text_of(PAGE))
    assert [name for name, _ in written] == ["yours/settings.py", "yours/urls.py"]
    for name, text in written:
        (project / name).write_text(text)
    [block] = printed.blocks(PAGE)
    exported, *commands = printed.lines(block)
    assert commands == ["python manage.py migrate", "python manage.py serve"]
    settings = dict(pair.split("=") for pair in exported.removeprefix("export ").split())
    settings["PYTHONPATH"] = settings["PYTHONPATH"].replace("/srv/yours", str(project))

    gateway = start("daphne", settings)
    assert "No migrations to apply" in manage(gateway.data_dir, "migrate", settings=settings)
    assert gateway.ask("GET", "/yours/").body == b"a page of yours"
    assert gateway.ask("GET", "/console/").status == 302
    answer = gateway.messages(STREAM)
    assert answer.status == 200 and b"message_stop" in answer.body
    assert vendor.last.all("x-api-key") == [API_KEY.encode()]
