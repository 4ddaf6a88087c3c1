"""Find credentials where AWS's, Google's and Azure's own libraries find them, and renew them. Blocking, in threads.

The libraries are extras: they are imported when a call needs them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from gateway.kernel.redaction import redact
from providers.credentials.sigv4 import AwsKeys
from providers.upstream import Credential, CredentialKind

Proof = AwsKeys | str
"""What a request is signed with, or the bearer token that it shows."""

GOOGLE_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
AZURE_SCOPE = "https://ai.azure.com/.default"
AZURE_AUTHORITY = "https://login.microsoftonline.com"
LEAD_SECONDS = 300.0
LEAD_SHARE = 0.1
"""A token is renewed so long before its end, or such a part of its life."""
TIMEOUT_SECONDS = 6.0
KEPT_SECONDS = 1.0
"""So long the libraries are not asked again for what they have."""
METADATA_HOSTS = ("metadata.google.internal", "169.254.169.254")


class NoCredential(Exception):
    """Raised where there is no credential. Its words are for the operator."""


class Source(Protocol):
    """One place of credentials."""

    def ready(self) -> Proof | None:
        """Return what may be used now without asking anybody; None: it must be fetched."""

    def fetch(self) -> Proof:
        """Get what may be used from now on. Blocking. Raises whatever the library raises, and `NoCredential`."""

    def is_same(self) -> bool:
        """Tell whether fetching again can bring nothing else."""


def source_of(credential: Credential, region: str, proxy: str | None) -> Source:
    """Return the source of a credential. Raises `NoCredential` for a kind that has none."""
    settings = json.loads(credential.secret) if credential.secret else {}
    if credential.kind is CredentialKind.AWS:
        return AwsSource(settings, region, proxy)
    if credential.kind is CredentialKind.GOOGLE:
        return GoogleSource(settings, proxy)
    if credential.kind is CredentialKind.AZURE:
        return AzureSource(settings, proxy)
    raise NoCredential("there is no key and no credential of this kind of provider")


def is_installed(module: str) -> bool:
    """Tell whether a library is there, without importing it."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


class AwsSource:
    """Keys of AWS: given ones, a profile's, an assumed role's, or whatever botocore's chain finds.

    STS and its like are asked through the account's egress proxy; what the machine tells of itself is not.
    """

    def __init__(self, settings: Mapping[str, str], region: str, proxy: str | None) -> None:
        self._settings, self._region, self._proxy = settings, region, proxy
        self._found: Any = None
        self._kept: AwsKeys | None = None
        self._kept_until = 0.0

    def ready(self) -> Proof | None:
        if self._kept is not None and time.monotonic() < self._kept_until:
            return self._kept
        found = self._found
        return None if found is None or _is_due(found) else self._keep(found)

    def fetch(self) -> Proof:
        if self._found is None or self.ready() is not None:
            self._found = self._search()
        return self._keep(self._found)

    def _keep(self, found: Any) -> AwsKeys:
        """Keep the keys for a while: botocore looks at the clock and takes a lock each time that it is asked."""
        self._kept = _keys(found)
        self._kept_until = 0.0 if _is_due(found) else time.monotonic() + KEPT_SECONDS
        return self._kept

    def is_same(self) -> bool:
        return "access_key_id" in self._settings and "role_arn" not in self._settings

    def _search(self) -> Any:
        settings = self._settings
        session = import_module("botocore.session").Session(profile=settings.get("profile") or None)
        if self._proxy:
            proxies = {"http": self._proxy, "https": self._proxy}
            session.set_default_client_config(import_module("botocore.config").Config(proxies=proxies))
        credentials = import_module("botocore.credentials")
        if settings.get("access_key_id"):
            secret, token = settings.get("secret_access_key"), settings.get("session_token")
            found = credentials.Credentials(settings["access_key_id"], secret, token)
        else:
            found = session.get_credentials()
        if found is None:
            raise NoCredential("botocore's chain finds no AWS credentials")
        if not settings.get("role_arn"):
            return found
        create = partial(session.create_client, region_name=self._region)
        fetcher = credentials.AssumeRoleCredentialFetcher(create, found, settings["role_arn"])
        return credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _is_due(found: Any) -> bool:
    """Tell whether keys are to be replaced by now; those that are written down never are."""
    return bool(hasattr(found, "refresh_needed") and found.refresh_needed())


def _keys(found: Any) -> AwsKeys:
    frozen = found.get_frozen_credentials()
    if not frozen.access_key or not frozen.secret_key:
        raise NoCredential("the AWS credentials that were found are empty")
    for secret in (frozen.secret_key, frozen.token):
        redact.learn(secret)
    return AwsKeys(frozen.access_key, frozen.secret_key, frozen.token)


class GoogleSource:
    """Access tokens of Google: of a service account, of workload identity, or of default credentials.

    Google is asked through the account's egress proxy; the machine's own metadata server is not.
    """

    def __init__(self, settings: Mapping[str, Any], proxy: str | None) -> None:
        self._settings, self._proxy = settings, proxy
        self._found: Any = None
        self._kept, self._kept_until = "", 0.0

    def ready(self) -> Proof | None:
        if self._kept and time.monotonic() < self._kept_until:
            return self._kept
        found = self._found
        if found is None or not found.valid:
            return None
        self._kept, self._kept_until = str(found.token), time.monotonic() + KEPT_SECONDS
        return self._kept

    def fetch(self) -> Proof:
        if self._found is None:
            self._found = self._search()
        with import_module("requests").Session() as session:
            if self._proxy:
                session.trust_env = False
                session.proxies = _proxies(self._proxy)
            self._found.refresh(import_module("google.auth.transport.requests").Request(session))
        if not self._found.token:
            raise NoCredential("Google gave no token")
        redact.learn(self._found.token)
        self._kept_until = 0.0
        return str(self._found.token)

    def is_same(self) -> bool:
        return False

    def _search(self) -> Any:
        """Find credentials. Scopes come afterwards: with them the library asks Google for the project's name, too,
        which nobody needs here, and which fails where only the clouds' own hosts can be reached.
        """
        auth = import_module("google.auth")
        info, file = self._settings.get("info"), self._settings.get("file")
        if file:
            found, _ = auth.load_credentials_from_file(file)
        elif info and info.get("type") == "service_account":
            found = import_module("google.oauth2.service_account").Credentials.from_service_account_info(info)
        elif info:
            found, _ = auth.load_credentials_from_dict(info)
        else:
            found, _ = auth.default()
        return import_module("google.auth.credentials").with_scopes_if_required(found, [GOOGLE_SCOPE])


def _proxies(proxy: str) -> dict[str, str]:
    """Return whom to go through, as requests wants it said: SOCKS proxies resolve the names."""
    if proxy.startswith("socks5://"):
        proxy = proxy.replace("socks5", "socks5h", 1)
    named = (os.environ.get("GCE_METADATA_HOST"), os.environ.get("GCE_METADATA_IP"))
    own = [urlsplit(f"//{name}").hostname for name in (*named, *METADATA_HOSTS) if name]
    return {"http": proxy, "https": proxy, **{f"http://{host}": "" for host in own}}


class AzureSource:
    """Access tokens of Entra ID, by the client-credentials grant."""

    def __init__(
        self, settings: Mapping[str, str], proxy: str | None, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings, self._proxy, self._clock = settings, proxy, clock
        self._token, self._until = "", 0.0

    def ready(self) -> Proof | None:
        return self._token if self._token and self._clock() < self._until else None

    def fetch(self) -> Proof:
        settings = self._settings
        host = os.environ.get("AZURE_AUTHORITY_HOST") or AZURE_AUTHORITY
        host = host if "://" in host else f"https://{host}"
        form = {
            "grant_type": "client_credentials",
            "client_id": settings.get("client_id", ""),
            "client_secret": settings.get("client_secret", ""),
            "scope": AZURE_SCOPE,
        }
        url = httpx.URL(f"{host.rstrip('/')}/{settings.get('tenant_id', '')}/oauth2/v2.0/token")
        if url.scheme != "https" and url.host not in ("127.0.0.1", "localhost", "::1"):
            raise NoCredential("AZURE_AUTHORITY_HOST must be https://")
        with httpx.Client(timeout=TIMEOUT_SECONDS, proxy=self._proxy, trust_env=False) as client:
            answer = client.post(url, data=form)
        document = answer.json() if answer.status_code == 200 else {}
        token, life = document.get("access_token"), document.get("expires_in")
        if not isinstance(token, str) or not token:
            raise NoCredential(f"Entra ID answered {answer.status_code} without a token")
        redact.learn(token)
        seconds = float(life) if isinstance(life, int | float | str) and str(life).isdigit() else 3600.0
        self._token = token
        self._until = self._clock() + seconds - min(LEAD_SECONDS, LEAD_SHARE * seconds)
        return token

    def is_same(self) -> bool:
        return False
