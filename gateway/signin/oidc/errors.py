"""Errors of signing in at an issuer. Their texts are ours: what an issuer says goes to the log."""

from __future__ import annotations


class LoginRefused(Exception):
    """This person is not let in; the text tells her why."""


class LoginFailed(Exception):
    """What came back from the issuer can't be believed, or nothing came back."""
