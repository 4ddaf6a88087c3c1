"""Both programs with the same settings, each before an upstream of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.compat import reference
from tests.compat.cases import ADMIN_KEY, MESSAGE_ANSWER, SECRET
from tests.compat.program import MOST_SECONDS
from tests.fakes.server import FakeServer
from tests.harness import MANAGE, GatewayProcess
from tests.ports import free_port

OURS = {
    "ANTHROPIC_API_KEY": "",
    "TOKEN_ACCEPT_UNRECORDED": "true",
    "METRICS_PUBLIC": "true",
    "ALLOW_ANONYMOUS_ADMIN": "true",
    "UNKNOWN_MODEL": "map",
    "STORED_OBJECTS": "shared",
    "SESSION_IDLE_SECONDS": "0",
    "FORGEFED_ALLOW_UNSIGNED": "true",
    "GONKA_MODE": "reference",
    "RETRY_ATTEMPTS": "1",
    "LOG_LEVEL": "warning",
}
"""Settings of ours that `docs/deviations.md` names as the reference's own behaviour; without effect there."""


@dataclass
class Side:
    """One running program: whose it is, where it listens, its upstream, the folders of its accounts."""

    name: str
    port: int
    upstream: FakeServer
    homes: list[Path]
    closed_port: int
    folder: Path
    notes: dict[str, str] = field(default_factory=dict)  # what an earlier case has left, by its mark

    def fill(self, text: str) -> str:
        """Put this side's addresses and folders into a text."""
        for mark, value in (*self._places(), *self.notes.items()):
            text = text.replace(mark, value)
        return text

    def blank(self, text: str) -> str:
        """Take them out again."""
        for mark, value in self._places():
            text = text.replace(value, mark)
        return text

    def _places(self) -> list[tuple[str, str]]:
        homes = [
            (f"<acc{number}>" if number else "<HOME>", str(home)) for number, home in enumerate(self.homes)
        ]
        return [
            ("<UPSTREAM>", f"127.0.0.1:{self.upstream.port}"),
            ("<ROUTER>", f"127.0.0.1:{self.port}"),
            ("<CLOSED PORT>", f"127.0.0.1:{self.closed_port}"),
            *homes,
            ("<DATA>", str(self.folder / "data")),
        ]


def _prepared(folder: Path, setup: dict[str, Any]) -> list[Path]:
    """Write the credential files of a setup, and return the accounts' folders."""
    homes = [folder / "claude", *(folder / f"acc{number}" for number in range(1, setup.get("accounts", 1)))]
    for number, home in enumerate(homes):
        home.mkdir(parents=True, exist_ok=True)
        key = f"k{number}" if "accounts" in setup else "sk-ant-oat01-x"
        files = setup.get("files", {"credentials.json": json.dumps({"accessToken": key})})
        for name, text in files.items():
            (home / name).write_text(text)
    return homes


def _environment(side: Side, setup: dict[str, Any]) -> dict[str, str]:
    """Return the settings of a setup, the same for both sides but for addresses and folders."""
    settings: dict[str, str | None] = {
        "TOKEN_SECRET": SECRET,
        "TOKEN_ADMIN_KEY": ADMIN_KEY,
        "UPSTREAM_BASE_URL": "http://<UPSTREAM>",
        "CLAUDE_CODE_HOME": str(side.homes[0]),
        "DATA_DIR": str(side.folder / "data"),
        "HOME": str(side.folder),
        "ROUTER_HOME": str(side.folder),
        **setup.get("env", {}),
    }
    if len(side.homes) > 1:
        settings["ADDITIONAL_ACCOUNT_DIRS"] = ",".join(map(str, side.homes[1:]))
    return {name: side.fill(value) for name, value in settings.items() if value is not None}


@contextmanager
def theirs(folder: Path, setup: dict[str, Any]) -> Iterator[Side]:
    """Run the reference."""
    with FakeServer(lambda seen: MESSAGE_ANSWER) as upstream:
        side = Side("reference", free_port(), upstream, _prepared(folder, setup), free_port(), folder)
        settings = _environment(side, setup)
        base = {
            "PATH": "/usr/bin:/bin",
            "ROUTER_HOST": "127.0.0.1",
            "ROUTER_PORT": str(side.port),
            "NO_COLOR": "1",
        }
        if "stored" in setup:
            _import(side, setup, [str(reference.program())], {**base, **settings})
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(reference.program())], cwd=folder, env={**base, **settings}, stdout=log, stderr=log
            )
        try:
            _wait(side.port, process)
            yield side
        finally:
            process.kill()
            process.wait()


class _Ours(GatewayProcess):
    """On a port that is known before: it stands in the actor's address. It is ended without a drain."""

    asked_port = 0

    def _arguments(self) -> list[str]:
        return [MANAGE, "serve", "--server", "uvicorn", "--host", "127.0.0.1", "--port", str(self.asked_port)]

    def __enter__(self) -> Self:
        return self.start(timeout=MOST_SECONDS)

    def __exit__(self, *exc: object) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def ours(folder: Path, setup: dict[str, Any], template: Path) -> Iterator[Side]:
    """Run ours."""
    with FakeServer(lambda seen: MESSAGE_ANSWER) as upstream:
        side = Side("ours", 0, upstream, _prepared(folder, setup), free_port(), folder)
        settings = {**OURS, **_environment(side, setup)}
        if setup.get("env", {}).get("TOKEN_ADMIN_KEY", "") is None:
            settings["TOKEN_ADMIN_KEY"] = ""
        gateway = _Ours(template, folder, upstream.url, "uvicorn", settings)
        gateway.asked_port = free_port()
        if "stored" in setup:
            (folder / "import.json").write_text(side.fill(json.dumps(setup["stored"])))
            gateway.manage("providers", "import", str(folder / "import.json"))
        with gateway:
            side.port = gateway.port
            yield side


def _import(side: Side, setup: dict[str, Any], command: list[str], env: dict[str, str]) -> None:
    path = side.folder / "import.json"
    path.write_text(side.fill(json.dumps(setup["stored"])))
    subprocess.run(
        [*command, "providers", "import", str(path)],
        env=env,
        cwd=side.folder,
        capture_output=True,
        check=True,
    )


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until it accepts connections: its own line in the log comes before that."""
    deadline = time.monotonic() + MOST_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError(f"the reference does not listen (exit {process.poll()})")
