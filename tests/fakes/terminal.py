"""A real terminal without a window: a program in tmux, its screen read and its keys pressed."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

PROGRAM = shutil.which("tmux")
POINTER = "❯"


class Terminal:
    """`with Terminal(tmp_path, environment, ["claude"]) as terminal: terminal.wait("…")`"""

    def __init__(self, home: Path, environment: Mapping[str, str], command: list[str]) -> None:
        self._socket = str(home / "tmux")
        self._environment = environment
        self._command = command
        self._home = home

    def __enter__(self) -> Self:
        named = [word for name, value in self._environment.items() for word in ("-e", f"{name}={value}")]
        size = ["-x", "160", "-y", "50", "-c", str(self._home)]
        self._tmux("new-session", "-d", "-s", "t", *size, *named, *self._command)
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server")

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "t")

    def type(self, *keys: str) -> None:
        """Press keys: names of tmux (Enter, Down), or texts."""
        for key in keys:
            self._tmux("send-keys", "-t", "t", key)

    def wait(self, *words: str, timeout: float = 30.0) -> str:
        """Return the screen once one of the words stands on it."""
        deadline = time.monotonic() + timeout
        while True:
            seen = self.screen()
            if any(word in seen for word in words):
                return seen
            assert time.monotonic() < deadline, f"never seen: {words}\n{seen}"
            time.sleep(0.1)

    def choose(self, line: str) -> None:
        """Move the pointer to this line and press Enter there, until the choice is gone from the screen.

        A question that has just come up may swallow keys.
        """
        deadline = time.monotonic() + 60
        while line in self.screen():
            assert time.monotonic() < deadline, f"{line} can't be chosen\n{self.screen()}"
            pointed = self._pointed()
            self.type("Enter" if line in pointed else "Down")
            self._changed(pointed)

    def _changed(self, pointed: str) -> None:
        """Wait a while for what a key does: one that comes too soon would act on what is not seen yet."""
        until = time.monotonic() + 3
        while self._pointed() == pointed and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(0.3)

    def _pointed(self) -> str:
        """Return the line with the pointer; the last one, for what was typed before has one too."""
        return next((line for line in reversed(self.screen().splitlines()) if POINTER in line), "")

    def _tmux(self, *arguments: str) -> str:
        assert PROGRAM is not None
        done = subprocess.run(
            [PROGRAM, "-S", self._socket, *arguments], capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout
