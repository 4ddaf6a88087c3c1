"""Name who makes a request of the control plane, for the services and the audit."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from gateway.kernel.principal import Principal, PrincipalKind
from gateway.telemetry import request_ids


def of_login(request: HttpRequest, address: str, via: str) -> Principal:
    """Return the principal of who is logged in; of nobody ANONYMOUS, as at the login's own page."""
    user: Any = request.user
    call = request_ids.current.get()
    if not user.is_authenticated:
        return Principal(PrincipalKind.ANONYMOUS, "", address, via, call)
    kind = PrincipalKind.STAFF if user.is_staff else PrincipalKind.PERSON
    return Principal(kind, name_of(user), address, via, call, request.session.session_key or "")


def of_caller(kind: PrincipalKind, address: str) -> Principal:
    """Return the principal of a caller without a login, as the gate has told its kind."""
    return Principal(kind, "", address, "api", request_ids.current.get())


def of_caller_login(address: str) -> Principal:
    """Return the principal of somebody who has not shown yet who it is, at a login."""
    return Principal(PrincipalKind.ANONYMOUS, "", address, "login", request_ids.current.get())


def name_of(user: Any) -> str:
    """Return the e-mail of a login, its name where it has none."""
    return str(getattr(user, "email", "") or user.get_username())
