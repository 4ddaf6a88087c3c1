"""Errors that prices raise. `gateway/relay/errors.py` gives statuses."""

from __future__ import annotations


class PriceError(Exception):
    """A refusal of this package. The text may be shown."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadPrice(PriceError):
    """A field that can't be taken as given."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param}: {message}" if param else message)
        self.param = param


class PriceNotFound(PriceError):
    """No row for this model and provider."""

    def __init__(self) -> None:
        super().__init__("No price for this model and provider")
