"""A sign-in begins at a client and is decided on by a person, once."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests import signing
from tests.signing import P
from tokens.signin import codes, device, grants, tidying
from tokens.signin.errors import CodeGone, GrantRefused, PolledTooSoon
from tokens.signin.models import DeviceCode

pytestmark = pytest.mark.django_db


def error_of(device_code: str) -> str:
    with pytest.raises(GrantRefused) as caught:
        device.poll(device_code)
    return caught.value.error


def test_only_the_hash_of_the_client_s_code_is_kept() -> None:
    made = signing.begun()
    row = DeviceCode.objects.get()
    assert row.device_sha256 == codes.sha256(made.device_code)
    assert made.device_code not in repr(vars(row)) + repr(made)
    assert (row.surface, row.client, row.peer) == ("claude_code", "claude-code/2.1", "192.0.2.9")
    assert row.expires_at - row.created_at == 600


def test_what_a_stranger_says_of_itself_is_made_fit_to_be_shown() -> None:
    device.begin(device.Asked("s\0\ud800" * 99, "<b>\x1b[31m" + "x" * 999, "p" * 99))
    row = DeviceCode.objects.get()
    assert "\0" not in row.surface and "\x1b" not in row.client
    assert (len(row.client), len(row.peer)) == (255, 64)


def test_pending_then_too_soon_then_the_person_s_word() -> None:
    made = signing.begun()
    assert error_of(made.device_code) == "authorization_pending"
    with pytest.raises(PolledTooSoon):
        device.poll(made.device_code)
    signing.polled_long_ago()
    device.approve(made.user_code.lower(), signing.person(), **P)
    assert device.poll(made.device_code).approved_at is not None


def test_a_client_s_clock_may_be_a_second_ahead(options: Any) -> None:
    made = signing.begun()
    assert error_of(made.device_code) == "authorization_pending"
    DeviceCode.objects.update(polled_at=time.time() - 4.1)
    assert error_of(made.device_code) == "authorization_pending"
    DeviceCode.objects.update(polled_at=time.time() - 3.5)
    with pytest.raises(PolledTooSoon) as caught:
        device.poll(made.device_code)
    assert caught.value.interval == 5


def test_a_refusal_is_told_once() -> None:
    made = signing.begun()
    device.deny(made.user_code, signing.person(), **P)
    assert error_of(made.device_code) == "access_denied"
    signing.polled_long_ago()
    assert error_of(made.device_code) == "expired_token"


@pytest.mark.parametrize("how", ["unknown", "taken", "old"])
def test_a_code_that_is_over(how: str) -> None:
    code = signing.approved(signing.person())
    if how == "unknown":
        code = codes.device_code()
    elif how == "taken":
        grants.take(code, **P)
    else:
        DeviceCode.objects.update(expires_at=time.time() - 1)
    assert error_of(code) == "expired_token"


@pytest.mark.parametrize("first", [device.approve, device.deny])
@pytest.mark.parametrize("second", [device.approve, device.deny])
def test_nobody_decides_twice(first: Any, second: Any) -> None:
    made, user = signing.begun(), signing.person()
    first(made.user_code, user, **P)
    with pytest.raises(CodeGone):
        second(made.user_code, user, **P)
    with pytest.raises(CodeGone):
        device.waiting(made.user_code)


def test_an_old_or_unknown_code_is_not_decided_on() -> None:
    made, user = signing.begun(), signing.person()
    for typed in ("BCDF-GHJK", "", "nonsense"):
        with pytest.raises(CodeGone):
            device.approve(typed, user, **P)
    DeviceCode.objects.update(expires_at=time.time() - 1)
    with pytest.raises(CodeGone):
        device.approve(made.user_code, user, **P)


def test_codes_that_are_long_over_are_removed() -> None:
    signing.begun()
    DeviceCode.objects.update(expires_at=time.time() - tidying.CODE_KEPT_SECONDS - 1)
    signing.begun()
    assert DeviceCode.objects.count() == 1


def test_what_an_issuer_gave_is_kept_encrypted() -> None:
    signing.approved(signing.person(), "rt-of-the-issuer")
    assert "rt-of-the-issuer" not in repr(DeviceCode.objects.values().get())
