"""Golden files: the outcome of a case when somebody last looked at it.

`WRITE_GOLDEN=1 pytest …` writes them anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

WIRE = Path(__file__).parent


def check(folder: str, case: str, seen: dict[str, Any]) -> None:
    path = WIRE / folder / f"{case}.json"
    if os.environ.get("WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(_text(seen))
    assert json.loads(path.read_text()) == seen


def _text(seen: dict[str, Any]) -> str:
    lines = []
    for key, value in seen.items():
        if isinstance(value, list):
            elements = ",\n".join("    " + json.dumps(each, ensure_ascii=False) for each in value)
            lines.append(f'  "{key}": [\n{elements}\n  ]')
        else:
            lines.append(f'  "{key}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"
