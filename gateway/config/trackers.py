"""The addresses of Crater's tracker: called wherever they are, so they must be addresses."""

from __future__ import annotations

from urllib.parse import urlsplit

from gateway.config.options import ConfigurationError
from gateway.config.table import Options


def named(options: Options) -> dict[str, str]:
    """Return the addresses that are set, by their variable."""
    found = {
        "CRATER_FORGEFED_INBOX": options.CRATER_FORGEFED_INBOX,
        "CRATER_FORGEFED_TARGET": options.CRATER_FORGEFED_TARGET,
    }
    return {name: value for name, value in found.items() if value}


def callable_ones(options: Options) -> tuple[str, ...]:
    """Return those that can be called at all."""
    return tuple(value for value in named(options).values() if is_address(value))


def is_address(text: str) -> bool:
    """Tell whether a text is an http(s) URL that everybody reads alike."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    is_clear = text.isprintable() and not set(" \\") & set(text) and not set("@%") & set(parts.netloc)
    return is_clear and parts.scheme in ("http", "https") and bool(parts.hostname)


def check(options: Options) -> None:
    """Raise `ConfigurationError` for the first that can't be called."""
    for name, value in named(options).items():
        if not is_address(value):
            raise ConfigurationError(
                f"{name} must be a URL: http:// or https://, and a host (got {value[:100]!r})"
            )
