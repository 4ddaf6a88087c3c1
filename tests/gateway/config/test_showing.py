"""Options are shown with where they come from, secrets never."""

from __future__ import annotations

import dataclasses

import pytest

from gateway.config import reading
from gateway.config.showing import origin_of, shown
from gateway.config.table import Options


def test_values_are_told_for_people() -> None:
    options = dataclasses.replace(
        Options(), OIDC_CLIENT_SECRET="hidden", OIDC_ALLOWED_DOMAINS=("a.test", "b.test"), MPP_ALLOW_TEST=True,
        PING_SECONDS=1.5,
    )  # fmt: skip
    names = (
        "OIDC_CLIENT_SECRET",
        "OIDC_ALLOWED_DOMAINS",
        "MPP_ALLOW_TEST",
        "PING_SECONDS",
        "MAX_BODY_BYTES",
        "GONKA_MODEL",
    )
    told = {each.name: each.value for each in shown(names, options)}
    assert told == {
        "OIDC_CLIENT_SECRET": "set",
        "OIDC_ALLOWED_DOMAINS": "a.test, b.test",
        "MPP_ALLOW_TEST": "yes",
        "PING_SECONDS": "1.5",
        "MAX_BODY_BYTES": "33554432",
        "GONKA_MODEL": "",
    }
    assert shown(("DATABASE_URL",), options)[0].value == "not set"


def test_where_a_value_comes_from_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OIDC_SCOPES", raising=False)
    assert origin_of("OIDC_SCOPES") == ""
    monkeypatch.setenv("OIDC_SCOPES", "openid")
    assert origin_of("OIDC_SCOPES") == "the environment"
    monkeypatch.setitem(reading.origins, "OIDC_SCOPES", ("openid", ".env"))
    assert origin_of("OIDC_SCOPES") == ".env"
    monkeypatch.delenv("OIDC_CLIENT_SECRET", raising=False)
    monkeypatch.setenv("OIDC_CLIENT_SECRET_FILE", "/run/secrets/oidc")
    assert origin_of("OIDC_CLIENT_SECRET") == "the environment"
