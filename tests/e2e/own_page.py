"""Somebody at her own page, as a browser's forms would send it; and the set-up texts that it shows."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

FORM = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
TEXT = re.compile(r'data-test="setup-([a-z-]+)".*?</details>', re.DOTALL)
SHELL = re.compile(r'<pre data-shell="(\w+)"[^>]*>(.*?)</pre>', re.DOTALL)


class Visitor:
    """A browser without a window: keeps cookies, sends forms with their CSRF field."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60, follow_redirects=True, trust_env=False)

    def open(self, path: str) -> httpx.Response:
        return self._client.get(path)

    def send(self, path: str, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send a form of this page; return the page that it leads to."""
        found = FORM.search(page.text)
        assert found is not None, page.text
        headers = {"Referer": str(page.url), "Origin": f"{page.url.scheme}://{page.url.netloc.decode()}"}
        return self._client.post(path, data={"csrfmiddlewaretoken": found[1], **fields}, headers=headers)

    def paste(self, secret: str) -> httpx.Response:
        return self.send("/me/", self.open("/me/"), token=secret)


def texts(page: httpx.Response, shell: str = "bash") -> dict[str, str]:
    """Return the set-up texts of a page for one shell, by client."""
    found = {}
    for block in TEXT.finditer(page.text):
        shells = dict(SHELL.findall(block[0]))
        found[block[1]] = html.unescape(shells[shell])
    return found


def run(text: str, home: Path, **programs: str) -> str:
    """Run a text in bash, with an empty home; `programs` are scripts by name. Return what it prints."""
    bin_folder = home / "bin"
    bin_folder.mkdir(parents=True, exist_ok=True)
    for name, script in {"python3": f'exec {sys.executable} "$@"', **programs}.items():
        (bin_folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (bin_folder / name).chmod(0o755)
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", text],
        cwd=home,
        env={"PATH": f"{bin_folder}:{os.environ['PATH']}", "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout
