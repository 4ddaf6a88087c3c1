"""The table of options in docs/settings.md, made from `gateway/config/table.py`. `make readme` writes it."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.config.options import Option
from gateway.config.table import table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
BEGIN = "<!-- options: made by `make readme` -->\n"
END = "<!-- end of options -->\n"


def options_table() -> str:
    """Write the table in Markdown."""
    lines = ["| variable | flag | default | meaning |", "|---|---|---|---|"]
    lines += [_row(option) for option in table().values()]
    return "\n".join(lines) + "\n"


def _row(option: Option) -> str:
    variable = f"`{option.name}`" + (" †" if option.is_secret else "")
    default = option.default_text
    shown = "a dummy key" if "\n" in default else f"`{default}`" if default else ""
    meaning = option.help
    if option.values and not option.is_switch:
        meaning += " One of " + ", ".join(f"`{value}`" for value in option.values) + "."
    return f"| {variable} | `{option.flag}` | {shown} | {meaning} |".replace("|  |", "| |").replace(
        "<", "&lt;"
    )


def with_table(page: str) -> str:
    """Return the page with the table between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{options_table()}{END}{after}"


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(with_table(PAGE.read_text()))
