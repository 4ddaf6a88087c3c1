"""The caller's own login: taken from the headers as they came, and never one of our tokens."""

from __future__ import annotations

import pytest

from providers.credentials.callers import login_of
from providers.dialects.types import FailureKind, Refused
from providers.upstream import CredentialKind

OURS = (b"x-la-token", b"la_sk_a")
BEARER = (b"authorization", b"Bearer sk-ant-oat01-CANARY")
KEY = (b"x-api-key", b"sk-ant-api03-CANARY")


def test_a_bearer_goes_before_a_key() -> None:
    found = login_of((OURS, KEY, BEARER))
    assert (found.kind, found.secret) == (CredentialKind.CALLER, "sk-ant-oat01-CANARY")
    found = login_of((KEY, OURS))
    assert (found.kind, found.secret) == (CredentialKind.API_KEY, "sk-ant-api03-CANARY")
    assert "CANARY" not in repr(found)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (BEARER,),
        (OURS,),
        (OURS, (b"authorization", b"Bearer la_sk_b")),
        (OURS, (b"x-api-key", b"la_sk_b")),
        (OURS, (b"authorization", b"Basic sk-ant-x")),
        (OURS, (b"authorization", b"Bearer "), (b"x-api-key", b" ")),
    ],
)
def test_without_one_the_call_is_refused_and_says_how(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    with pytest.raises(Refused) as refused:
        login_of(headers)
    assert refused.value.failure.kind is FailureKind.AUTHENTICATION
    assert "x-la-token" in refused.value.failure.message


def test_a_token_of_ours_beside_a_key_of_ones_own_stays_here() -> None:
    assert login_of((OURS, (b"authorization", b"Bearer la_sk_b"), KEY)).secret == "sk-ant-api03-CANARY"
