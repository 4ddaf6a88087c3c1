"""Load an account's secret from wherever its row says. Blocking; never called on the relay's path."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import orjson
from django.conf import settings

from accounts.credentials import clouds
from accounts.credentials.files import Reading, read_directory, sign_directory
from accounts.models import Account, Source
from accounts.pool.state import Loaded
from accounts.validation import is_own_variable
from gateway.kernel.redaction import redact
from gateway.kernel.secrets import SecretBox, SecretUnreadable, fingerprint
from providers.catalog.live import kind_of
from providers.credentials.oauth import OAUTH_PREFIX
from providers.drivers.table import DRIVERS
from providers.fields import own_secrets
from providers.upstream import Credential, CredentialKind

API_KEY_PREFIX = "sk-ant-api"


@dataclass(frozen=True, slots=True)
class Pair:
    """OAuth pair as we store it. `replaces`: fingerprint of the file's token that it supersedes."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None  # Unix seconds
    life_seconds: float | None = None
    replaces: str = ""

    def __post_init__(self) -> None:
        redact.learn(self.access_token)
        redact.learn(self.refresh_token)

    def to_text(self) -> str:
        return orjson.dumps(
            {
                "access_token": self.access_token,
                "refresh_token": self.refresh_token,
                "expires_at": self.expires_at,
                "life_seconds": self.life_seconds,
                "replaces": self.replaces,
            }
        ).decode()

    @classmethod
    def from_text(cls, text: str) -> Pair:
        values = orjson.loads(text)
        return cls(**{key: values.get(key) for key in ("access_token", "refresh_token", "expires_at", "life_seconds")},
                   replaces=values.get("replaces") or "")  # fmt: skip


def secret_context(name: str) -> str:
    return f"account:{name}"


def proxy_context(name: str) -> str:
    return f"account:{name}:proxy"


def stored_pair(row: Account, box: SecretBox) -> Pair | None:
    """Return the pair in the row. Raises `SecretUnreadable`."""
    if not row.encrypted_secret:
        return None
    return Pair.from_text(box.decrypt(row.encrypted_secret, secret_context(row.name)))


def current_pair(row: Account, reading: Reading | None, box: SecretBox) -> Pair | None:
    """Return the newest OAuth pair that is known: the file's, or ours that was made from it.

    The file wins as soon as it holds anything but the token that ours replaced.
    """
    stored = stored_pair(row, box)
    if row.source != Source.DIRECTORY:
        return stored
    found = None if reading is None else reading.credential
    if found is None:
        return None
    if stored is not None and stored.replaces == fingerprint(found.access_token):
        return stored
    life = None
    if stored is not None and stored.access_token == found.access_token:
        life = stored.life_seconds
    return Pair(found.access_token, found.refresh_token, found.expires_at, life)


def keeps_login(row: Account) -> bool:
    """Tell whether the directory is the login of a command line, which reads and refreshes it by itself."""
    if row.source != Source.DIRECTORY:
        return False
    kind = kind_of(row.provider, reads_rows=row.pk is not None)
    return kind in DRIVERS and DRIVERS[kind].keeps_logins


def load_secret(row: Account, reading: Reading | None, box: SecretBox, is_login: bool = False) -> Loaded:
    """Load what the pool keeps of an account's secret. Never raises: `Loaded.problem` says what is wrong.

    `is_login`: see `keeps_login`.
    """
    if is_login:
        return Loaded(Credential(CredentialKind.HOME, row.location))
    loaded = _load(row, reading, box)
    if row.region and loaded.credential is not None:
        return replace(loaded, credential=replace(loaded.credential, region=row.region))
    return loaded


def _load(row: Account, reading: Reading | None, box: SecretBox) -> Loaded:
    try:
        if row.source in clouds.KINDS:
            stored = row.encrypted_secret
            opened = box.decrypt(stored, secret_context(row.name)) if stored else ""
            return Loaded(clouds.credential_of(row, opened))
        if row.source == Source.ENVIRONMENT:
            if is_own_variable(row.location, row.provider):
                return Loaded(problem=own_secrets.problem(row.location))
            value = variable(row.location)
            return _simple(value) if value else Loaded(problem=f"{row.location} is not set")
        if row.source == Source.API_KEY:
            if not row.encrypted_secret:
                return Loaded(problem="no API key is stored")
            return _simple(box.decrypt(row.encrypted_secret, secret_context(row.name)))
        pair = current_pair(row, reading, box)
    except SecretUnreadable as exc:
        return Loaded(problem=str(exc))
    if pair is not None:
        return _loaded(pair)
    if reading is None:
        return Loaded(problem="no pair is stored")
    return Loaded(problem=reading.problem, is_logged_out=reading.is_logged_out)


def read_home(row: Account) -> Reading | None:
    """Read the row's directory as it is now; None for other sources."""
    return read_directory(Path(row.location), row.provider) if row.source == Source.DIRECTORY else None


def load_proxy(row: Account, box: SecretBox) -> str | None:
    """Return the egress proxy's URL.

    Raises `SecretUnreadable`: going out without it would be worse than not at all.
    """
    if not row.encrypted_proxy:
        return None
    proxy = box.decrypt(row.encrypted_proxy, proxy_context(row.name))
    redact.learn(unquote(urlsplit(proxy).password or ""))
    return proxy


def variable(name: str) -> str:
    """Return a secret from the environment, through our settings where we have one of that name."""
    value = getattr(settings.GATEWAY, name, None)
    return value.strip() if isinstance(value, str) and value else os.environ.get(name, "").strip()


def _simple(secret: str) -> Loaded:
    kind = CredentialKind.OAUTH if secret.startswith(OAUTH_PREFIX) else CredentialKind.API_KEY
    return Loaded(Credential(kind, secret, fingerprint(secret)))


def _loaded(pair: Pair) -> Loaded:
    token = pair.access_token
    kind = CredentialKind.API_KEY if token.startswith(API_KEY_PREFIX) else CredentialKind.OAUTH
    credential = Credential(kind, token, fingerprint(token), pair.expires_at)
    return Loaded(credential, bool(pair.refresh_token), pair.life_seconds)


class Directories:
    """Credential directories of all accounts, searched again when a file in them changes.

    A file that turns bad is believed at the second look only: command lines write in place, and a
    reader may meet a half-written one.
    """

    def __init__(self) -> None:
        self._readings: dict[tuple[str, str], Reading] = {}
        self._doubted: set[tuple[str, str]] = set()

    def reading(self, row: Account) -> Reading | None:
        """Return the last reading of a row's directory, made now if there is none; None for other sources."""
        if row.source != Source.DIRECTORY:
            return None
        key = (row.location, row.provider)
        found = self._readings.get(key)
        if found is None:
            found = read_directory(Path(row.location), row.provider)
            self._readings[key] = found
        return found

    def changed(self) -> set[str]:
        """Look at every directory; return the locations whose reading is another than before."""
        changed = set()
        for key, earlier in list(self._readings.items()):
            location, provider = key
            if sign_directory(Path(location)) == earlier.signature and key not in self._doubted:
                continue
            reading = read_directory(Path(location), provider)
            is_worse = (
                earlier.credential is not None and reading.credential is None and not reading.is_logged_out
            )
            if is_worse and key not in self._doubted:
                self._doubted.add(key)
                continue
            self._doubted.discard(key)
            self._readings[key] = reading
            changed.add(location)
        return changed

    def forget_others(self, rows: list[Account]) -> None:
        """Drop directories that no row names any more."""
        named = {(row.location, row.provider) for row in rows if row.source == Source.DIRECTORY}
        for key in [key for key in self._readings if key not in named]:
            del self._readings[key]
