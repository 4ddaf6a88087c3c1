"""Errors of rehearsals. No HTTP statuses: `gateway/relay/errors.py` gives them."""

from __future__ import annotations


class BadRehearsal(Exception):
    """A field of a rehearsal that can't be taken as given."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param}: {message}")
        self.param = param


class RehearsalNotFound(Exception):
    """A rehearsal that does not run."""
