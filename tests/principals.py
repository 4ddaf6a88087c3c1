"""Somebody who changes things in tests."""

from __future__ import annotations

from gateway.kernel.principal import Principal, PrincipalKind

SOMEBODY = Principal(PrincipalKind.STAFF, "ann@example.org", "192.0.2.7")
