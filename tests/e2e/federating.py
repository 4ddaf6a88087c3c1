"""Gateways that know their own address before they start, as federation needs, and a server made with Fedify."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen

from tests.e2e.installs import fedify
from tests.harness import MANAGE, GatewayProcess, manage
from tests.ports import free_port

PEER = Path(__file__).parent / "fedify" / "peer.mjs"
SCHEMES = {"cavage": "draft-cavage-http-signatures-12", "rfc9421": "rfc9421"}


def until(found: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """Return the first true value that comes within the time."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return value


class FederatedGateway(GatewayProcess):
    """A gateway whose public address is the one it listens on, unless `settings` name another."""

    def __init__(
        self,
        template: Path,
        data_dir: Path,
        settings: Mapping[str, str] | None = None,
        server: str = "uvicorn",
    ) -> None:
        self.own_port = free_port()
        own = {
            "ACTIVITYPUB_ACTOR_BASE_URL": f"http://127.0.0.1:{self.own_port}",
            "EGRESS_ALLOWED_NETWORKS": "127.0.0.1/32",
            "ANTHROPIC_API_KEY": "",
            **(settings or {}),
        }
        super().__init__(template, data_dir, "http://127.0.0.1:9", server, own)

    def _arguments(self) -> list[str]:
        flags = ["--server", self.entry_point, "--host", "127.0.0.1", "--port", str(self.own_port)]
        return [MANAGE, "serve", *flags]

    @property
    def base(self) -> str:
        return self.settings["ACTIVITYPUB_ACTOR_BASE_URL"]

    @property
    def actor(self) -> str:
        return f"{self.base}/actor/code"

    def command(self, *arguments: str) -> Any:
        """Run a command beside the gateway; return what it prints as JSON."""
        settings = {**self.settings, "ROUTER_PORT": str(self.own_port)}
        return json.loads(manage(self.data_dir, *arguments, "--json", settings=settings))

    def followers(self) -> list[str]:
        return [one["uri"] for one in self.command("federation", "followers")]

    def following(self) -> dict[str, str]:
        return {one["uri"]: one["state"] for one in self.command("federation", "following")}


class FedifyPeer:
    """`with FedifyPeer("cavage") as peer`: a server made with Fedify, whose first signature is of that scheme."""

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme

    def __enter__(self) -> Self:
        node, directory = fedify()
        script = directory / "peer.mjs"
        script.write_text(PEER.read_text())
        self.process = subprocess.Popen(
            [node, str(script), SCHEMES[self._scheme]], stdout=subprocess.PIPE, text=True, cwd=directory
        )
        assert self.process.stdout is not None
        self.base = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.kill()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def actor(self) -> str:
        return f"{self.base}/users/alice"

    def control(self, name: str, **given: Any) -> Any:
        request = Request(f"{self.base}/control/{name}", json.dumps(given).encode(), method="POST")
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def seen(self, kind: str) -> list[dict[str, str]]:
        state = self.control("state")
        assert state["problems"] == []
        return [one for one in state["seen"] if one["kind"] == kind]
