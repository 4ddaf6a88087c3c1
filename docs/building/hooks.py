"""Bring what the pages link to outside of `docs/` into the site: two pages more, and files as they are."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md")
FILES_BELOW = "files"
LINK = re.compile(r"\]\(((?!https?:|#|mailto:)[^)#\s]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and every file outside of `docs/` that a page links to."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - mkdocs alone loads this module

    for name in PAGES:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    linked = {
        target
        for file in files.documentation_pages()
        for found in LINK.finditer(Path(file.abs_src_path or "").read_text(encoding="utf-8"))
        if (target := _outside(file.src_uri, found[1])) is not None
    }
    for target in sorted(linked):
        files.append(File.generated(config, f"{FILES_BELOW}/{target}.txt", abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links that leave `docs/` lead to where `on_files` has put their targets."""
    here = page.file.src_uri

    def lead(found: re.Match[str]) -> str:
        target, anchor = _target(here, found[1]), found[2] or ""
        if _outside(here, found[1]) is not None:
            wanted = f"{FILES_BELOW}/{target}.txt"
        elif target in PAGES:
            wanted = target
        elif target.startswith("docs/"):
            wanted = target.removeprefix("docs/")
        else:
            return found[0]  # mkdocs says that it is not there
        return f"]({posixpath.relpath(wanted, posixpath.dirname(here) or '.')}{anchor})"

    return LINK.sub(lead, markdown)


def _target(here: str, link: str) -> str:
    """Return the file that a link means, from the project's folder."""
    folder = "" if here in PAGES else posixpath.dirname(f"docs/{here}")
    return posixpath.normpath(posixpath.join(folder, link))


def _outside(here: str, link: str) -> str | None:
    """Return the file outside of `docs/` that a link means, if it does and the file is there."""
    target = _target(here, link)
    is_ours = target.startswith(("docs/", "..")) or target in PAGES
    return target if not is_ours and (ROOT / target).is_file() else None
