"""Say what the audit shows of an account: its fields as in the API; of secrets only that they changed."""

from __future__ import annotations

from accounts.models import Account

OPEN = (
    "name",
    "provider",
    "source",
    "location",
    "region",
    "details",
    "is_paused",
    "is_absent",
    "priority",
    "weight",
    "request_caps",
    "max_parallel",
    "pause_at_percent",
    "needs_login",
)


def of_account(row: Account) -> dict[str, object]:
    """Return the fields; secrets as they are stored, of which the audit keeps nothing."""
    fields = {name: getattr(row, name) for name in OPEN}
    secrets = {"secret": row.encrypted_secret or None, "proxy": row.encrypted_proxy or None}
    return {name: None if value in ("", [], {}) else value for name, value in fields.items()} | secrets
