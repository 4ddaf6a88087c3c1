"""Errors that end an exchange on a connection. No message holds anything of what came."""

from __future__ import annotations


class ProtocolError(Exception):
    """Raised when an answer is not HTTP, or ended before it was whole.

    The message holds nothing of what came.
    """


class Disconnected(Exception):
    """The connection ended before an answer had begun; the upstream may have the request, or a part of it."""


class Stale(Disconnected):
    """A kept connection, closed by the upstream before or just as the request was sent: to be sent once more."""


class Unsent(Disconnected):
    """A fresh connection that ended before anything of the request was sent."""
