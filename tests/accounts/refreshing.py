"""Pair on disk that has to be refreshed, and its refresher."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from accounts.credentials.claude_oauth import ClaudeOAuth
from accounts.credentials.logins import Logins, logins_from_settings
from accounts.credentials.refresh import Refresher, RefreshOptions
from gateway.kernel.secrets import fingerprint
from tests.fakes.token_endpoint import FakeTokenEndpoint

OLD = "sk-ant-oat01-0"
REFUSED = fingerprint(OLD)
FIRST = "sk-ant-oat01-1"


def write_file(
    home: Path, access: str = OLD, refresh: str = "sk-ant-ort01-0", expires_at: int = 1000
) -> None:
    pair = {
        "accessToken": access,
        "refreshToken": refresh,
        "expiresAt": expires_at,
        "subscriptionType": "max",
    }
    path = home / ".credentials.json"
    path.write_text(json.dumps({"claudeAiOauth": pair, "mcpOAuth": {"keep": 1}}))
    path.chmod(0o640)


def read_file(home: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((home / ".credentials.json").read_text())
    return document


def refresher(endpoint: FakeTokenEndpoint, **options: Any) -> Refresher:
    quick = {"look_seconds": 0.02, "pause_seconds": 0.01, **options}
    return Refresher(RefreshOptions(**quick), logins(endpoint.url))


def logins(url: str) -> Logins:
    """Return the logins of the settings, with their endpoint elsewhere."""
    return dict.fromkeys(logins_from_settings(), ClaudeOAuth(url))
