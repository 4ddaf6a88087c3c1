"""Raise what can go wrong with a client's configuration."""

from __future__ import annotations


class ClientError(Exception):
    """A configuration can't be read, changed or found; the message says which and why."""
