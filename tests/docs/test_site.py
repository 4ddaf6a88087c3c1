"""The documents as a site: every link leads somewhere, every page is in it, and it asks no other host for anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs import printed
from tests.harness import ROOT

LOADED = re.compile(r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=\"?(https?:)?//", re.IGNORECASE)
AT_MOST_ON_ONE_PAGE = 110
"""Lines of the README."""


def build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "-f",
            str(folder / "mkdocs.yml"),
            "-d",
            str(site),
        ],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_it_is_built_without_a_warning(tmp_path: Path) -> None:
    done = build(ROOT, tmp_path / "site")
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 35
    for page in pages:
        text = page.read_text()
        assert not LOADED.search(text), page
    assert "TOKEN_SECRET" in (tmp_path / "site" / "settings" / "index.html").read_text()
    unit = tmp_path / "site" / "files" / "deploy" / "systemd" / "link-assistant-router.service.txt"
    assert "ExecStart=" in unit.read_text()


def test_a_link_that_leads_nowhere_ends_it(tmp_path: Path) -> None:
    for name in ("mkdocs.yml", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("docs", "deploy"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("Dockerfile", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    page = tmp_path / "docs" / "index.md"
    page.write_text(f"{page.read_text()}\n[a](nowhere.md) [b](accounts.md#no-such-part)\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    assert "nowhere.md" in done.stderr and "no-such-part" in done.stderr


def test_every_page_has_its_place() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    found = set(re.findall(r"(\S+\.md)$", text, re.MULTILINE))
    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert found == there | {"CONTRIBUTING.md", "CHANGELOG.md"}
    assert [next(iter(entry)) for entry in yaml.safe_load(text)["nav"]] == [
        "Home",
        "Use it",
        "Run it",
        "Extend it",
    ]


def test_the_readme_is_one_page_and_tells_the_terms_first() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= AT_MOST_ON_ONE_PAGE
    first = re.findall(r"(?m)^## (.+)$", text)[0]
    assert first == "What the vendor's terms allow"
    terms = text.split(f"## {first}")[1].split("\n## ")[0].strip().split("\n\n")[0]
    shared = terms.split("The gateway never")[0].split()
    assert " ".join(shared) in " ".join((ROOT / "docs" / "terms.md").read_text().split())


@pytest.mark.parametrize("page", [*printed.pages(), "CHANGELOG.md"])
def test_every_page_is_whole(page: str) -> None:
    """A page that was cut off while it was written: inside a block, or after its heading."""
    text = printed.text_of(page)
    assert text.count("\n```") % 2 == 0, "a block has no end"
    assert len(text.split()) > 50 and text.endswith("\n")
