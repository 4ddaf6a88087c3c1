"""Printing never shows what a call carries of an account."""

from __future__ import annotations

from providers.upstream import Credential, CredentialKind, Upstream

CANARY = "CANARY-secret-0123456789"


def test_nothing_secret_is_printed() -> None:
    credential = Credential(CredentialKind.API_KEY, CANARY, "0123abcd")
    upstream = Upstream(
        "local",
        "openai-compatible",
        "http://127.0.0.1:1",
        "one",
        credential,
        "m",
        {"x-key": CANARY},
        f"http://u:{CANARY}@proxy",
    )
    shown = f"{credential!r} {upstream!r} {upstream}"
    assert CANARY not in shown
    assert "local" in shown and "0123abcd" in shown
