"""Bearers for codes and for refresh tokens: once each, again for a moment, and never from an old one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests import signing
from tests.signing import EMAIL, P
from tokens.jwt import signing as jwt
from tokens.models import Token
from tokens.signin import codes, grants
from tokens.signin.errors import GrantRefused, IssuerAway, IssuerRefused
from tokens.signin.issuers import Issuer
from tokens.signin.models import SignIn

pytestmark = pytest.mark.django_db
SECRET = "test-secret-test-secret-test-secret-0"


def refresh(token: str, ask: Any = signing.never_asked) -> Any:
    return grants.refresh(token, Issuer(ask), **P)


def refused(token: str, ask: Any = signing.never_asked) -> str:
    with pytest.raises(GrantRefused) as caught:
        refresh(token, ask)
    return caught.value.error


def test_a_sign_in_has_one_token_that_carries_its_person() -> None:
    user = signing.person()
    pair = signing.signed_in(user)
    claims = jwt.verify(pair.bearer, SECRET.encode())
    token = Token.objects.get(pk=claims.sub)
    assert (pair.email, pair.expires_in, token.label) == (EMAIL, 3600, EMAIL)
    assert token.ledger_id == f"person:{user.pk}" and token.sign_in is not None
    row = SignIn.objects.get()
    assert (row.user, row.client, row.surface) == (user, "claude-code/2.1", "claude_code")
    assert row.refresh_sha256 == codes.sha256(pair.refresh_token)
    assert pair.bearer not in repr(pair) and pair.refresh_token not in repr(pair)


def test_a_code_is_taken_once() -> None:
    code = signing.approved(signing.person())
    grants.take(code, **P)
    with pytest.raises(GrantRefused) as caught:
        grants.take(code, **P)
    assert caught.value.error == "expired_token" and SignIn.objects.count() == 1


def test_who_was_deactivated_meanwhile_gets_nothing() -> None:
    user = signing.person()
    code = signing.approved(user)
    user.is_active = False
    user.save()
    with pytest.raises(GrantRefused) as caught:
        grants.take(code, **P)
    assert caught.value.error == "access_denied" and not SignIn.objects.exists()


def test_a_refresh_rotates_and_bearers_before_it_keep_their_own_end(options: Any) -> None:
    first = signing.signed_in(signing.person())
    options(SIGN_IN_TOKEN_SECONDS=7200.0)
    second = refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token and second.expires_in == 7200
    before, after = (jwt.verify(pair.bearer, SECRET.encode()) for pair in (first, second))
    assert before.sub == after.sub and after.exp - before.exp >= 3600
    token = Token.objects.get()
    assert token.expires_at == token.signed_until == after.exp
    row = SignIn.objects.get()
    assert row.previous_sha256 == codes.sha256(first.refresh_token) and row.generation == 1


def test_for_a_while_the_old_one_gives_the_same_pair(options: Any) -> None:
    options(SIGN_IN_GRACE_SECONDS=30.0)
    first = signing.signed_in(signing.person())
    second = refresh(first.refresh_token)
    again = refresh(first.refresh_token)
    assert again.refresh_token == second.refresh_token and again.expires_in >= 3599
    assert refresh(again.refresh_token).refresh_token != second.refresh_token


@pytest.mark.parametrize("age", ["late", "older"])
def test_later_an_old_one_ends_the_sign_in(age: str) -> None:
    first = signing.signed_in(signing.person())
    newest = refresh(first.refresh_token)
    if age == "older":
        newest = refresh(newest.refresh_token)
    else:
        SignIn.objects.update(rotated_at=time.time() - 31)
    assert refused(first.refresh_token) == "invalid_grant"
    assert SignIn.objects.get().revoked_at is not None and Token.objects.get().is_revoked
    assert refused(newest.refresh_token) == "invalid_grant"


def test_what_gives_nothing() -> None:
    user = signing.person()
    pair = signing.signed_in(user)
    ahead = codes.refresh_token(SignIn.objects.get().pk, 5, SECRET)
    assert [refused(each) for each in ("", "x", pair.bearer, ahead)] == ["invalid_grant"] * 4
    assert SignIn.objects.get().revoked_at is None
    SignIn.objects.update(ends_at=time.time() - 1)
    assert refused(pair.refresh_token) == "invalid_grant"
    SignIn.objects.update(ends_at=time.time() + 100)
    user.is_active = False
    user.save()
    assert refused(pair.refresh_token) == "invalid_grant"


def test_the_issuer_is_asked_at_each_refresh_with_what_it_gave_last() -> None:
    asked: list[str] = []

    def ask(token: str) -> str:
        asked.append(token)
        return f"issuer-{len(asked)}"

    pair = signing.signed_in(signing.person(), "issuer-0")
    for _ in range(3):
        pair = refresh(pair.refresh_token, ask)
    assert asked == ["issuer-0", "issuer-1", "issuer-2"]
    assert "issuer-" not in repr(SignIn.objects.values().get())


def test_the_issuer_s_no_ends_the_sign_in() -> None:
    def ask(_: str) -> str:
        raise IssuerRefused

    pair = signing.signed_in(signing.person(), "issuer-0")
    assert refused(pair.refresh_token, ask) == "invalid_grant"
    assert Token.objects.get().is_revoked
    assert refused(pair.refresh_token) == "invalid_grant"


def test_an_issuer_that_is_away_changes_nothing() -> None:
    def ask(_: str) -> str:
        raise IssuerAway("test")

    pair = signing.signed_in(signing.person(), "issuer-0")
    before = SignIn.objects.values().get()
    with pytest.raises(IssuerAway):
        refresh(pair.refresh_token, ask)
    assert SignIn.objects.values().get() == before
    assert refresh(pair.refresh_token, lambda token: token).refresh_token
