"""A real Chromium without a window, driven over its debugging pipe. No package needed."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--window-size=1400,1000",
)  # fmt: skip
AXE = Path(__file__).parent / "axe.min.js"
"""axe-core as its makers publish it. Run over the pipe, a page's policy does not see it."""
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
HIGH = 50
"""Our ends' descriptors are moved above the two numbers that Chromium wants."""


class Browser:
    """`with Browser(tmp_path) as browser: browser.open("http://…")`. One page; `complaints`: what its console says."""

    def __init__(self, home: Path, timeout: float = 90.0) -> None:
        self._home = home
        self._timeout = timeout
        self._waiting = b""
        self._number = 0
        self._session: str | None = None
        self._events: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self.hosts: set[str] = set()

    def __enter__(self) -> Self:
        assert PROGRAM is not None
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, HIGH) for end in (theirs_in, theirs_out)]
        for end in (theirs_in, theirs_out):
            os.close(end)
        self._process = subprocess.Popen(
            [PROGRAM, *FLAGS, f"--user-data-dir={self._home / 'profile'}", "about:blank"],
            env={"PATH": os.environ["PATH"], "HOME": str(self._home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=lambda: (os.dup2(ends[0], 3), os.dup2(ends[1], 4)),
        )
        for end in ends:
            os.close(end)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self.ask(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def open(self, url: str) -> None:
        """Loads a page; returns when its load event has come."""
        self._after(lambda: self.ask("Page.navigate", url=url))

    def send(self, script: str) -> None:
        """Runs a script that leads to another page, and waits for that one."""
        self._after(lambda: self.run(script))

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, script: str) -> None:
        """Until an expression is true."""
        deadline = time.monotonic() + self._timeout
        while not self.run(script):
            assert time.monotonic() < deadline, f"never true: {script}"
            time.sleep(0.05)

    def picture(self, path: Path) -> None:
        """Write the whole page, however long it is."""
        data = self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))

    def look(self, width: int, scheme: str) -> None:
        """Show pages as wide as that, and in these colours."""
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.ask("Emulation.setDeviceMetricsOverride", **screen)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def press(self, key: str, times: int = 1) -> None:
        """Press a key of the keyboard: Tab, Enter."""
        code = {"Tab": 9, "Enter": 13}[key]
        typed = {"text": "\r"} if key == "Enter" else {}
        for _ in range(times):
            for kind in ("keyDown", "keyUp"):
                told = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
                self.ask("Input.dispatchKeyEvent", **told, **(typed if kind == "keyDown" else {}))

    def be(self, url: str, session: str) -> None:
        """Be whom this session's cookie is of; nobody with ""."""
        self.ask("Network.clearBrowserCookies")
        if session:
            self.ask("Network.setCookie", url=url, name="sessionid", value=session, httpOnly=True)

    def judged(self) -> list[str]:
        """Return what axe-core finds on the page that is serious or critical: rule, and where."""
        if not self.run("'axe' in window"):
            self.run(f"{AXE.read_text()}; 0")
        asked = json.dumps({"runOnly": list(RULES), "resultTypes": ["violations"], "elementRef": False})
        found = self.run(f"axe.run(document, {asked}).then((told) => told.violations)")
        return [
            f"{each['id']}: {' '.join(node['target'][0] for node in each['nodes'][:3])}"
            for each in found
            if each["impact"] in ("serious", "critical")
        ]

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its answer; events that come meanwhile are looked at."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, told["error"]
                return dict(told["result"])

    def _after(self, action: Callable[[], Any]) -> None:
        self._events.clear()
        action()
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._next()

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._waiting:
            ready, _, _ = select.select([self._in], [], [], self._timeout)
            piece = os.read(self._in, 1 << 16) if ready else b""
            assert piece, "Chromium is silent"
            self._waiting += piece
        line, _, self._waiting = self._waiting.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self._events.append(message)
            self._look_at(message["method"], message.get("params", {}))
        return message

    def _look_at(self, method: str, said: dict[str, Any]) -> None:
        if method == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(said["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(said["args"]))
        elif method == "Audits.issueAdded" and said["issue"]["code"] == "ContentSecurityPolicyIssue":
            self.complaints.append(json.dumps(said["issue"]["details"]))
        elif method == "Network.requestWillBeSent" and not said["request"]["url"].startswith("data:"):
            self.hosts.add(said["request"]["url"].split("/")[2])
