"""Accounts at clouds: what an operator gives, how it is kept, and the credential that it makes.

Names and roles stay readable; secrets are one encrypted JSON. What calls show is found by `providers.clouds`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from accounts.errors import BadAccount
from accounts.models import Account, Source
from gateway.kernel.redaction import redact
from gateway.kernel.secrets import fingerprint
from providers.upstream import Credential, CredentialKind

KINDS = {
    Source.AWS: CredentialKind.AWS,
    Source.GOOGLE: CredentialKind.GOOGLE,
    Source.AZURE: CredentialKind.AZURE,
}
DETAILS = {
    Source.AWS: ("access_key_id", "role_arn"),
    Source.GOOGLE: (),
    Source.AZURE: ("tenant_id", "client_id"),
}
"""What may be read of each, by source."""
OPEN = ("access_key_id", "role_arn", "tenant_id", "client_id")
SECRETS = ("secret", "session_token")


def check(source: str, fields: Mapping[str, Any], stored: Mapping[str, str], location: str) -> None:
    """Check what goes with a source; `stored`: what it has already. Raises `BadAccount`."""
    for name in (*OPEN, "session_token"):
        own = (*DETAILS.get(Source(source), ()), *(("session_token",) if source == Source.AWS else ()))
        if fields.get(name) and name not in own:
            raise BadAccount(name, f"a {source} account has none")
    if source not in KINDS:
        return
    has = {name: fields.get(name, stored.get(name, "")) for name in (*OPEN, *SECRETS)}
    if source == Source.AWS:
        _check_aws(has, location)
    elif source == Source.GOOGLE:
        _check_google(has["secret"], location)
    else:
        if location:
            raise BadAccount("location", "an azure account has none")
        for name in ("tenant_id", "client_id", "secret"):
            if not has[name]:
                raise BadAccount(name, "required for an azure account")


def _check_aws(has: Mapping[str, str], location: str) -> None:
    if bool(has["access_key_id"]) is not bool(has["secret"]):
        missing = "access_key_id" if has["secret"] else "secret"
        raise BadAccount(missing, "access_key_id and secret are given together, or neither")
    if has["session_token"] and not has["access_key_id"]:
        raise BadAccount("session_token", "goes with access_key_id and secret")
    if has["access_key_id"] and location:
        raise BadAccount("location", "either a profile or access_key_id and secret")
    if has["secret"] and (len(has["secret"]) < 16 or " " in has["secret"] or "{" in has["secret"]):
        raise BadAccount("secret", "no secret access key of AWS")
    if has["role_arn"] and not has["role_arn"].startswith("arn:aws"):
        raise BadAccount("role_arn", "a role's ARN, such as arn:aws:iam::123456789012:role/name")


def _check_google(secret: str, location: str) -> None:
    if secret and location:
        raise BadAccount("location", "either a file or the JSON as secret")
    if not secret:
        return
    problem = "the JSON of a service account or of workload identity"
    try:
        document = json.loads(secret)
    except ValueError:
        raise BadAccount("secret", problem) from None
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        raise BadAccount("secret", problem)
    if document["type"] != "service_account":
        return
    for name in ("client_email", "private_key", "token_uri"):
        if not isinstance(document.get(name), str) or not document[name]:
            raise BadAccount("secret", f"{problem}: it has no {name}")
    try:
        load_pem_private_key(document["private_key"].encode(), None)
    except (ValueError, TypeError):
        raise BadAccount("secret", f"{problem}: its private_key can't be read") from None


def credential_of(row: Account, opened: str) -> Credential:
    """Return what calls of the account are made with; `opened`: its decrypted secrets."""
    secrets: dict[str, str] = json.loads(opened) if opened else {}
    for name in SECRETS:
        redact.learn(secrets.get(name))
    settings = _settings(row, secrets)
    text = json.dumps({name: value for name, value in settings.items() if value}) if settings else ""
    text = "" if text == "{}" else text
    return Credential(KINDS[Source(row.source)], text, fingerprint(f"{row.source}:{text}"), region=row.region)


def _settings(row: Account, secrets: Mapping[str, str]) -> dict[str, Any]:
    if row.source == Source.AWS:
        return {
            "access_key_id": row.details.get("access_key_id"),
            "secret_access_key": secrets.get("secret"),
            "session_token": secrets.get("session_token"),
            "profile": row.location,
            "role_arn": row.details.get("role_arn"),
        }
    if row.source == Source.GOOGLE:
        info = json.loads(secrets["secret"]) if secrets.get("secret") else None
        if isinstance(info, dict):
            redact.learn(info.get("private_key"))
        return {"info": info, "file": row.location}
    return {
        "tenant_id": row.details.get("tenant_id"),
        "client_id": row.details.get("client_id"),
        "client_secret": secrets.get("secret"),
    }
