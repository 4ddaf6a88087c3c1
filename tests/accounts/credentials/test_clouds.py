"""What an operator may say of an account at a cloud, and the credential that it makes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.credentials.clouds import check, credential_of
from accounts.errors import BadAccount
from accounts.models import Account, Source
from providers.upstream import CredentialKind

SECRET = "s" * 40


@pytest.mark.parametrize(
    ("source", "fields", "location", "wrong"),
    [
        ("aws", {"access_key_id": "AKIA"}, "", "secret"),
        ("aws", {"secret": SECRET}, "", "access_key_id"),
        ("aws", {"access_key_id": "AKIA", "secret": "short"}, "", "secret"),
        ("aws", {"access_key_id": "AKIA", "secret": SECRET}, "profile", "location"),
        ("aws", {"session_token": "t"}, "", "session_token"),
        ("aws", {"role_arn": "role"}, "", "role_arn"),
        ("aws", {"tenant_id": "t"}, "", "tenant_id"),
        ("google", {"secret": "no json"}, "", "secret"),
        ("google", {"secret": '{"type": "service_account"}'}, "", "secret"),
        ("google", {"secret": '{"type": "external_account"}'}, "/file", "location"),
        ("azure", {"client_id": "c", "secret": "s"}, "", "tenant_id"),
        ("azure", {"client_id": "c", "tenant_id": "t"}, "", "secret"),
        ("api_key", {"role_arn": "arn:aws:iam::1:role/r"}, "", "role_arn"),
    ],
)
def test_what_cannot_be_is_named(source: str, fields: dict[str, str], location: str, wrong: str) -> None:
    with pytest.raises(BadAccount) as told:
        check(source, fields, {}, location)
    assert told.value.field == wrong


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("aws", {}),
        ("aws", {"access_key_id": "AKIA", "secret": SECRET, "role_arn": "arn:aws:iam::1:role/r"}),
        ("google", {}),
        ("google", {"secret": '{"type": "external_account"}'}),
        ("azure", {"tenant_id": "t", "client_id": "c", "secret": "s"}),
    ],
)
def test_what_can_be_passes(source: str, fields: dict[str, str]) -> None:
    check(source, fields, {}, "")


def made(source: str, opened: dict[str, str], **values: Any) -> tuple[CredentialKind, Any, str]:
    row = Account(name="one", source=source, region="eu", **values)
    credential = credential_of(row, json.dumps(opened) if opened else "")
    assert credential.fingerprint
    return credential.kind, json.loads(credential.secret) if credential.secret else None, credential.region


def test_rows_make_credentials_with_their_region() -> None:
    assert made(Source.AWS, {}) == (CredentialKind.AWS, None, "eu")
    assert made(Source.AWS, {"secret": SECRET}, details={"access_key_id": "AKIA"}) == (
        CredentialKind.AWS,
        {"access_key_id": "AKIA", "secret_access_key": SECRET},
        "eu",
    )
    assert made(Source.AWS, {}, location="team")[1] == {"profile": "team"}
    assert made(Source.GOOGLE, {"secret": '{"type": "x"}'})[1] == {"info": {"type": "x"}}
    azure = made(Source.AZURE, {"secret": "s"}, details={"tenant_id": "t", "client_id": "c"})
    assert azure[1] == {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
