"""Whose request body this would be, told from its head alone: before a byte of it is held."""

from __future__ import annotations

import time

from gateway.access.gate import Caller, Gate
from gateway.servers.heads import Head
from tokens.errors import TokenError, UnknownToken
from tokens.registry import Registry, extract

ADMINISTRATOR = "administrator"


class Doorkeeper:
    """Knows tokens and the admin key. Looks at memory only, so that servers may ask at any time.

    A token whose row memory has not seen yet counts as known: nobody else can have signed it, and the relay asks the
    database about it. Staff sessions are rows: to us they are strangers, whose pages send little.
    """

    def __init__(self, registry: Registry, gate: Gate) -> None:
        self._registry = registry
        self._gate = gate

    def whose_body(self, head: Head) -> str:
        """Return the token's id or ADMINISTRATOR; "" for a stranger."""
        headers = tuple(head.headers)
        try:
            return self._registry.authenticate(extract(headers), time.time()).id
        except UnknownToken as unknown:
            return unknown.sub
        except TokenError:
            pass
        caller = Caller(head.peer, head.method, headers)
        return ADMINISTRATOR if self._gate.holds_key(caller) else ""
