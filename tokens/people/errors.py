"""Errors of people. No HTTP statuses: `gateway/relay/errors.py` gives them."""

from __future__ import annotations

from tokens.errors import TokenError


class PersonNotFound(TokenError):
    """There is no person with this address."""

    def __init__(self, email: str) -> None:
        super().__init__("No person with this address")
        self.email = email


class PersonExists(TokenError):
    """Somebody has this address already."""

    def __init__(self) -> None:
        super().__init__("There is a person with this address already")
