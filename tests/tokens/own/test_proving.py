"""Whose token a secret is: good ones are found, every other is refused, and a person's are hers alone."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.conf import settings

from tests.principals import SOMEBODY
from tests.sign_ins import bearer, person, sign_in
from tokens import services
from tokens.errors import BadPrefix, ExpiredToken, InvalidToken, RevokedToken, UnrecordedToken
from tokens.jwt import signing
from tokens.models import Token
from tokens.own import proving
from tokens.people import services as people

pytestmark = pytest.mark.django_db
P = {"principal": SOMEBODY}


@pytest.fixture(autouse=True)
def folder(options: Any, tmp_path: Any) -> None:
    options(DATA_DIR=tmp_path)


def signed(sub: str, **claims: Any) -> str:
    now = int(time.time())
    told = signing.Claims(sub, now, claims.pop("exp", now + 60))
    return signing.sign(told, settings.GATEWAY.TOKEN_SECRET.encode())


def test_a_good_secret_proves_its_token() -> None:
    made = services.issue(**P)
    assert proving.proved(f" {made.secret}\n").id == made.token.id
    token = sign_in(person())
    assert proving.proved(bearer(token)).id == token.id


def test_every_other_is_refused() -> None:
    made = services.issue(**P)
    with pytest.raises(BadPrefix):
        proving.proved("sk-ant-x")
    with pytest.raises(InvalidToken):
        proving.proved(made.secret[:-3] + "abc")
    with pytest.raises(UnrecordedToken):
        proving.proved(signed("nobody"))
    with pytest.raises(UnrecordedToken):
        proving.proved(signed("no\0body"))
    with pytest.raises(ExpiredToken):
        proving.proved(signed(made.token.id, exp=1))
    services.revoke(made.token.id, **P)
    with pytest.raises(RevokedToken):
        proving.proved(made.secret)


def test_a_person_s_tokens_are_hers_and_alive() -> None:
    ann, bob = person("ann@example.org"), person("bob@example.org")
    first, second, ended, theirs = (
        services.issue(person=address, **P).token.id
        for address in ("ann@example.org", "ann@example.org", "ann@example.org", "bob@example.org")
    )
    services.revoke(ended, **P)
    signed_in = sign_in(ann)
    assert {token.id for token in proving.tokens_of_person(ann.user)} == {first, second}
    assert [token.id for token in proving.tokens_of_person(bob.user)] == [theirs]
    assert proving.token_of_sign_ins(ann.user) == signed_in and proving.token_of_sign_ins(bob.user) is None
    people.sign_out("ann@example.org", **P)
    assert proving.token_of_sign_ins(ann.user) is None


def test_a_momentary_secret_ends_soon_and_never_after_its_token() -> None:
    made = services.issue(**P)
    secret = proving.momentary_secret(made.token)
    assert secret != made.secret and proving.proved(secret).id == made.token.id
    claims = signing.verify(secret, settings.GATEWAY.TOKEN_SECRET.encode())
    assert claims.exp <= time.time() + proving.MOMENT_SECONDS
    short = Token(id="x", label="", expires_at=int(time.time()) + 5)
    ends = signing.verify(proving.momentary_secret(short), settings.GATEWAY.TOKEN_SECRET.encode()).exp
    assert ends == short.expires_at
