"""What can go wrong in `providers`. No HTTP statuses: `gateway/errors.py` maps classes to them."""


class ProviderError(Exception):
    """The root of this app's errors."""


class SecretUnreadable(ProviderError):
    """A stored secret does not open with any of our keys, or is no stored secret at all."""


class ForeignUrl(ProviderError):
    """A path would have led away from the provider's scheme or host."""
