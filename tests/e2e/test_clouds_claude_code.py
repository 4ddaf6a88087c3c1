"""Claude Code, plain and in its cloud modes, runs a tool over every cloud."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import test_claude_code as cli
from tests.e2e.installs import claude_code
from tests.e2e.test_clouds import KINDS, SETTINGS
from tests.fakes.clouds import Cloud
from tests.harness import GatewayProcess

pytestmark = [pytest.mark.interop, pytest.mark.timeout(400)]
Start = Callable[..., GatewayProcess]
MODEL = "claude-sonnet-5-5"


@pytest.fixture(scope="module")
def program() -> Path:
    return claude_code()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as one:
        yield one


@pytest.fixture
def served(shared: Start, cloud: Cloud) -> Iterator[Callable[[str], GatewayProcess]]:
    process = shared("uvicorn", SETTINGS)

    def by(way: str) -> GatewayProcess:
        base = f"{cloud.url}/anthropic" if way == "foundry" else cloud.url
        values = {"name": "cloud", "base_url": base, "models": [MODEL], **KINDS[way]}
        assert process.admin("POST", "/api/providers", values).status == 200
        assert process.admin("POST", "/api/routes", {"model": "*", "provider": "cloud"}).status == 200
        return process

    yield by
    process.admin("DELETE", "/api/routes/*")
    process.admin("DELETE", "/api/providers/cloud")


@pytest.mark.parametrize("way", KINDS)
def test_plain_claude_code_runs_a_tool_over_every_cloud(
    served, cloud: Cloud, program, tmp_path, way: str
) -> None:
    gateway = served(way)
    flags = ["-p", cli.COMMAND, "--allowedTools", "Bash"]
    cli.check(tmp_path, cli.run(program, tmp_path, gateway.url, gateway.token.secret, *flags))
    assert cloud.taken and not cloud.refused


@pytest.mark.parametrize("way", ["messages", "invoke", "vertex"])
@pytest.mark.parametrize("mode", ["bedrock", "vertex", "foundry"])
def test_its_cloud_modes_run_a_tool_over_clouds(
    served, cloud: Cloud, program, tmp_path, way: str, mode: str
) -> None:
    gateway = served(way)
    flags = ["-p", cli.COMMAND, "--allowedTools", "Bash"]
    more = {**cli.cloud(mode, gateway), "ANTHROPIC_MODEL": MODEL}
    cli.check(tmp_path, cli.run(program, tmp_path, gateway.url, gateway.token.secret, *flags, **more))
    assert cloud.taken and not cloud.refused
