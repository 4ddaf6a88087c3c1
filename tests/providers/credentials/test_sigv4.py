"""Signatures over exactly what leaves: the same as botocore's own over the same request."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest import mock

import httpx
import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from providers.credentials.base import Draft
from providers.credentials.sigv4 import AwsKeys, Place, sign

NOW = 1_790_000_000.0
BEDROCK = Place("bedrock", "eu-central-1")


Pairs = list[tuple[bytes, bytes]]


def as_botocore_signs(draft: Draft, signed: Pairs, keys: AwsKeys, now: float) -> tuple[str, str]:
    """Return its signature and date of the same request."""
    request = AWSRequest(
        draft.method, f"http://{draft.url.netloc.decode()}{draft.target.decode()}", None, draft.body
    )
    for name, value in signed:
        request.headers[name.decode()] = value.decode("latin-1")
    with mock.patch.object(auth, "get_current_datetime", lambda: datetime.fromtimestamp(now, UTC)):
        credentials = Credentials(keys.access_key, keys.secret_key, keys.token)
        auth.SigV4Auth(credentials, "bedrock", "eu-central-1").add_auth(request)
    return request.headers["Authorization"], request.headers["X-Amz-Date"]


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
    sign(draft.headers, draft, AwsKeys("AKIA", "secret", token), BEDROCK, NOW)
    made = dict(draft.headers)
    keys = AwsKeys("AKIA", "secret", token)
    signature, date = as_botocore_signs(draft, headers[:2], keys, NOW)
    assert (made[b"authorization"].decode(), made[b"x-amz-date"].decode()) == (signature, date)
    assert (b"x-amz-security-token" in made) is (token is not None)


LETTERS = "abcXYZ019-_.~:@!$&'()*+,;="
segments = st.text(LETTERS, max_size=8)  # also none, and dots
parts = segments | st.sampled_from(["%2F", "%3A0", "%20", "%C3%A4", "%25", "", ".", ".."])
queries = st.lists(
    st.tuples(st.text("ab%209-_", max_size=4), st.none() | st.text("ab19", max_size=4)), max_size=4
).map(lambda pairs: "&".join(name if value is None else f"{name}={value}" for name, value in pairs))
values = st.text("aB1;=/ \t", min_size=1, max_size=12).map(str.encode)
names = st.sampled_from(
    [b"content-type", b"x-amz-target", b"x-amzn-bedrock-trace", b"x-amzn-bedrock-service-tier"]
)


@given(
    st.lists(parts, min_size=1, max_size=5).map("/".join),
    queries,
    st.lists(st.tuples(names, values), max_size=4),
    st.binary(max_size=40),
    st.none() | st.text("abc+/=", min_size=1, max_size=9),
    st.integers(1_000_000_000, 4_000_000_000),
    st.sampled_from(["POST", "GET"]),
)
def test_whatever_leaves_is_signed_as_botocore_signs_it(
    path: str, query: str, headers: Pairs, body: bytes, token: str | None, now: int, method: str
) -> None:
    target = f"/{path}?{query}" if query else f"/{path}"
    draft = Draft(method, httpx.URL("https://h.example:8443"), target.encode(), list(headers), body)
    keys = AwsKeys("AKIA", "secret", token)
    expected = as_botocore_signs(draft, headers, keys, now + 0.25)
    sign(draft.headers, draft, keys, BEDROCK, now + 0.25)
    made = dict(draft.headers)
    assert (made[b"authorization"].decode(), made[b"x-amz-date"].decode()) == expected


def test_keys_do_not_show() -> None:
    assert "secret" not in repr(AwsKeys("AKIA", "secret", "t"))
