"""Say who changes something on the control plane: every service call that writes carries a `Principal`."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass, field
from enum import StrEnum

ATTRIBUTE = "principal"
"""Of a Django request, where `gateway.access` leaves who asks."""


class PrincipalKind(StrEnum):
    """Sort of who acts. The values are the audit's words, but that staff are people there, too."""

    ADMIN_KEY = "key"
    STAFF = "staff"  # a login that may use the admin
    PERSON = "person"
    LOOPBACK = "local"  # this machine, where no admin key is set
    COMMAND_LINE = "command"
    GATEWAY = "system"  # nobody: files adopted at start, the environment's accounts, refreshed credentials
    ANONYMOUS = "anonymous"  # anybody, where the settings let anybody in


_USUAL_WAYS = {
    PrincipalKind.STAFF: "admin",
    PrincipalKind.PERSON: "console",
    PrincipalKind.COMMAND_LINE: "command",
    PrincipalKind.GATEWAY: "system",
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who changes something.

    `name`: an e-mail or login, else "". `address`: the far end, proxies taken away. `via`: console, admin, api,
    command, login or system; "" = the usual one of the kind. `request_id`: of the call that asks for the change.
    `session`: the key of the session that it is asked in, which is a secret.
    """

    kind: PrincipalKind
    name: str
    address: str = ""
    via: str = ""
    request_id: str = ""
    session: str = field(default="", repr=False)

    @property
    def way(self) -> str:
        """Return `via`, or the usual way of the kind."""
        return self.via or _USUAL_WAYS.get(self.kind, "api")

    @property
    def shown_name(self) -> str:
        """Return the name; of a command line without one that of the user of the operating system."""
        return self.name or (_user() if self.kind is PrincipalKind.COMMAND_LINE else "")


COMMAND_LINE = Principal(PrincipalKind.COMMAND_LINE, "")
"""Whoever may run our commands on this machine."""

GATEWAY = Principal(PrincipalKind.GATEWAY, "")
"""This gateway itself."""


def of_request(request: object) -> Principal:
    """Return who asks, as `gateway.access` has found out. Raises `LookupError` where it was not asked to."""
    found = getattr(request, ATTRIBUTE, None)
    if not isinstance(found, Principal):
        raise LookupError("nobody has said who makes this request")
    return found


def _user() -> str:
    """Return the login of the process's user, its number where it has none. Variables are not believed."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
