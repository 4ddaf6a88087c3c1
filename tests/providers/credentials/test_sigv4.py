"""Signatures over exactly what leaves: the same as botocore's own over the same request."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest import mock

import httpx
import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from providers.credentials.base import Draft
from providers.credentials.sigv4 import AwsKeys, SigV4
from providers.upstream import Credential, CredentialKind

NOW = 1_790_000_000.0
AWS = Credential(CredentialKind.AWS, "")


@pytest.mark.parametrize("token", [None, "session-token"])
@pytest.mark.parametrize(
    "target",
    [
        b"/model/a%3A0/invoke",
        b"/anthropic/v1/messages?beta=true&a=b%20c&a=&z",
        b"/model/eu.x:0/invoke",
        b"/model/a%2Fb/invoke",
    ],
)
def test_it_is_the_signature_that_botocore_makes(target: bytes, token: str | None) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"x-amzn-bedrock-trace", b"on"),
        (b"user-agent", b"u"),
    ]
    draft = Draft("POST", httpx.URL("http://127.0.0.1:81/x"), target, list(headers), b'{"a": 1}')
    SigV4("bedrock", "eu-central-1", AwsKeys("AKIA", "secret", token)).apply(draft, AWS, NOW)
    made = dict(draft.headers)
    request = AWSRequest("POST", f"http://127.0.0.1:81{target.decode()}", None, b'{"a": 1}')
    for name, value in headers[:2]:
        request.headers[name.decode()] = value.decode()
    with mock.patch.object(auth, "get_current_datetime", lambda: datetime.fromtimestamp(NOW, UTC)):
        auth.SigV4Auth(Credentials("AKIA", "secret", token), "bedrock", "eu-central-1").add_auth(request)
    assert made[b"authorization"].decode() == request.headers["Authorization"]
    assert made[b"x-amz-date"].decode() == request.headers["X-Amz-Date"]
    assert (b"x-amz-security-token" in made) is (token is not None)


def test_keys_do_not_show() -> None:
    assert "secret" not in repr(AwsKeys("AKIA", "secret", "t"))
