"""Errors of alerts. No HTTP statuses: `gateway/relay/errors.py` gives them."""

from __future__ import annotations


class AlertError(Exception):
    """The root of this app's errors."""


class BadAlert(AlertError):
    """A field of a channel or rule that can't be taken as given."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param}: {message}")
        self.param = param


class AlertNotFound(AlertError):
    """A channel or rule that is not there."""


class ChannelExists(AlertError):
    """A channel of this name is there already."""
