"""What can go wrong in federation."""


class ForgefedError(Exception):
    """The root of this app's errors."""


class UnknownDocument(ForgefedError):
    """No actor or activity of ours has that name."""
