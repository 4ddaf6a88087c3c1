"""Read what README.md and the documents print for a terminal: blocks in `sh`, and commands inside the text."""

from __future__ import annotations

import re
from pathlib import Path

from tests.harness import ROOT

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
COMMAND = re.compile(r"(?:TOKEN=\$\()?(?:\.venv/bin/)?(?:router|python manage\.py) [a-z]")
INDENTED = re.compile(
    r"(?m)^    (?:router|python|make|curl|manage\.py|kubectl|docker|[A-Z_]+=\S+ .*manage\.py)\b"
)


def pages() -> list[str]:
    """Return README.md, CONTRIBUTING.md and every document, from the project's folder."""
    found = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))]
    return ["README.md", "CONTRIBUTING.md", *found]


def text_of(page: str) -> str:
    return Path(ROOT, page).read_text()


def blocks(page: str) -> list[str]:
    return BLOCK.findall(text_of(page))


def spans(page: str) -> list[str]:
    """Return the commands of our program inside the text of a page, each once."""
    found = [" ".join(span.split()) for span in SPAN.findall(FENCED.sub("", text_of(page)))]
    return [span for span in dict.fromkeys(found) if COMMAND.match(span)]


def lines(script: str) -> list[str]:
    """Return the commands of a block, without comments; a continued line and a here-document are one."""
    found: list[str] = []
    end = ""
    for line in script.splitlines():
        is_more = bool(end) or bool(found and found[-1].endswith("\\"))
        found = [*found[:-1], f"{found[-1]}\n{line}"] if is_more else [*found, line]
        if end and line == end:
            end = ""
        elif here := re.search(r"<<'?(\w+)'?$", line):
            end = here[1]
    return [line for line in found if line.strip() and not line.startswith("#")]
