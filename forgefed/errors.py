"""Errors of federation."""


class ForgefedError(Exception):
    """The root of this app's errors."""


class UnknownDocument(ForgefedError):
    """No actor or activity of ours has that name."""


class BadKey(ForgefedError):
    """A key that can't be read, or is none that we use. The text never holds a key."""


class BadSignature(ForgefedError):
    """What is signed can't be believed; the text says why."""


class BadDocument(ForgefedError):
    """A document of somebody else that is not what it should be."""


class NotAllowed(ForgefedError):
    """It is well signed, and still not its signer's to say."""


class BadAddress(ForgefedError):
    """An address that no actor can have."""


class Unknown(ForgefedError):
    """No such row: nobody of that address is followed, no such delivery."""
