"""Write what an operator says of a cloud's account into its row, and read it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from accounts.credentials import clouds
from accounts.credentials.sources import secret_context
from accounts.models import Account
from gateway.kernel.secrets import box

FIELDS = (*clouds.OPEN, "session_token")


def stored(row: Account) -> dict[str, str]:
    """Return what is stored of a cloud's account, its secrets opened; nothing of another."""
    if row.source not in clouds.KINDS or not row.encrypted_secret:
        return dict(row.details)
    opened = box().decrypt(row.encrypted_secret, secret_context(row.name))
    return {**row.details, **json.loads(opened)}


def apply(row: Account, fields: Mapping[str, Any]) -> None:
    """Set what was given of a cloud's account."""
    given = {name: value for name, value in fields.items() if name in (*FIELDS, "secret")}
    told = {name: value for name, value in {**stored(row), **given}.items() if value}
    row.details = {name: told[name] for name in clouds.OPEN if name in told}
    hidden = {name: told[name] for name in clouds.SECRETS if name in told}
    row.encrypted_secret = box().encrypt(json.dumps(hidden), secret_context(row.name)) if hidden else ""
