"""Errors of signing in. No HTTP statuses: the pages and forms of `gateway/signin` give them."""

from __future__ import annotations

from tokens.errors import TokenError


class SignInError(TokenError):
    """The root of the errors of signing in."""


class GrantRefused(SignInError):
    """A client gets no bearer. `error` is OAuth's word for the reason; the text is for its developer."""

    def __init__(self, error: str, text: str) -> None:
        super().__init__(text)
        self.error = error


class PolledTooSoon(SignInError):
    """A client asks more often than it was told."""

    def __init__(self, interval: int) -> None:
        super().__init__(f"ask every {interval} s")
        self.interval = interval


class IssuerRefused(SignInError):
    """The issuer does not vouch for the person any more."""

    def __init__(self) -> None:
        super().__init__("the issuer has ended this login")


class IssuerAway(SignInError):
    """The issuer could not be asked. Temporary."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the issuer could not be asked: {reason}")


class CodeGone(SignInError):
    """The code on the page is none, or its time is over, or somebody has decided already."""

    def __init__(self) -> None:
        super().__init__("This code is not known, or it is over")
