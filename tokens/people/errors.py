"""Errors of people. No HTTP statuses: `gateway/relay/errors.py` gives them."""

from __future__ import annotations

from tokens.errors import TokenError


class PersonNotFound(TokenError):
    """There is no person with this address."""

    def __init__(self, email: str) -> None:
        super().__init__("No person with this address")
        self.email = email


class LastAdmin(TokenError):
    """Say that nobody would be left who may everything."""

    def __init__(self) -> None:
        super().__init__("This is the last active admin: make another one first")


class PersonExists(TokenError):
    """Somebody has this address already."""

    def __init__(self) -> None:
        super().__init__("There is a person with this address already")


class LinkGone(TokenError):
    """The set-up link was used, is too old, or was never made; or there is an admin already."""

    def __init__(self) -> None:
        super().__init__("There is no such set-up link")


class HasAdmin(TokenError):
    """An active admin is there already: nobody else may be made one by a link."""

    def __init__(self) -> None:
        super().__init__("There is an active admin already")
