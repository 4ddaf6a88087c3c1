"""Broken and odd files with what the reference makes of them (recorded), and our differences on purpose."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.tokens.conftest import FIXTURES

CASES: list[dict[str, Any]] = json.loads((FIXTURES / "damaged.json").read_text())


def raw(case: dict[str, Any], name: str) -> bytes:
    content = case["files"][name]
    return content["text"].encode() if "text" in content else base64.b64decode(content["base64"])


def named(policy: str) -> list[Any]:
    return [case for case in CASES if case["policy"] == policy]


def records(contents: Any) -> list[dict[str, Any]]:
    names = ("account", "expires_at", "id", "issued_at", "label", "revoked")
    return [{name: getattr(token, name) for name in names} for token in contents.records.values()]
