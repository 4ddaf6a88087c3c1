"""What is long over goes, and nothing that a bearer could still be asked about."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.conf import settings

from tests import signing
from tests.sign_ins import bearer, person, sign_in
from tests.signing import P
from tokens import services
from tokens.errors import EndedSignIn, ExpiredToken
from tokens.models import Token
from tokens.registry import Registry
from tokens.signin import ending, grants, tidying
from tokens.signin.errors import GrantRefused
from tokens.signin.models import DeviceCode, SignIn
from tokens.signin.tidying import DAY_SECONDS, KEPT_DAYS, tidy

pytestmark = pytest.mark.django_db
NOW = time.time()
LONG_AGO = int(NOW) - (KEPT_DAYS + 1) * DAY_SECONDS - 1


def ended(column: str, at: int, signed_until: int = LONG_AGO) -> Token:
    """Return the token of a sign-in that was over at this moment."""
    token = sign_in(person(f"{column}-{at}-{signed_until}@example.org"))
    SignIn.objects.filter(token=token).update(**{column: at})
    Token.objects.filter(pk=token.pk).update(expires_at=signed_until, signed_until=signed_until)
    return token


def test_only_what_is_long_over_goes() -> None:
    plain = services.issue(label="plain", **P).token
    kept = [
        sign_in(person()),
        ended("ends_at", int(NOW) - (KEPT_DAYS - 1) * DAY_SECONDS),
        ended("revoked_at", int(NOW) - (KEPT_DAYS - 1) * DAY_SECONDS),
        ended("revoked_at", LONG_AGO, signed_until=int(NOW) + 60),
    ]
    for gone in (ended("ends_at", LONG_AGO), ended("revoked_at", LONG_AGO)):
        assert Token.objects.filter(pk=gone.pk).exists()
    assert tidy(NOW) == 2 and tidy(NOW) == 0
    assert set(Token.objects.values_list("pk", flat=True)) == {plain.pk, *(each.pk for each in kept)}
    assert SignIn.objects.count() == len(kept)


def test_it_goes_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "BATCH", 2)
    for number in range(3):
        ended("ends_at", LONG_AGO - number)
    assert [tidy(NOW) for _ in range(3)] == [2, 1, 0]


def test_what_is_over_is_asked_for_in_few_queries(django_assert_num_queries: Any) -> None:
    sign_in(person())
    with django_assert_num_queries(2):
        assert tidy(NOW) == 0


def test_the_bearer_of_an_ended_sign_in_is_told_so_until_its_own_end() -> None:
    token = ended("revoked_at", LONG_AGO, signed_until=int(NOW) + 60)
    Token.objects.filter(pk=token.pk).update(revoked_at=LONG_AGO)
    token.refresh_from_db()
    registry = Registry(settings.GATEWAY.TOKEN_SECRET.encode(), accept_unrecorded=True)
    registry.load()
    for at in (NOW, NOW + KEPT_DAYS * DAY_SECONDS):
        assert tidy(at) == 0
        registry.apply_changes()
        with pytest.raises(EndedSignIn):
            registry.authenticate(bearer(token), at)
    assert tidy(NOW + (KEPT_DAYS + 2) * DAY_SECONDS) == 1
    registry.apply_changes()
    assert len(registry) == 0
    with pytest.raises(ExpiredToken):
        registry.authenticate(bearer(token), NOW + (KEPT_DAYS + 2) * DAY_SECONDS)


def test_a_refresh_token_of_what_is_gone_is_no_grant() -> None:
    pair = signing.signed_in(signing.person())
    ending.end(SignIn.objects.all(), "test", **P)
    assert tidy(NOW + (KEPT_DAYS + 2) * DAY_SECONDS) == 1
    with pytest.raises(GrantRefused) as refused:
        grants.refresh(pair.refresh_token, signing.unasked, **P)
    assert refused.value.error == "invalid_grant" and ending.of_presented(pair.bearer) is None


def test_codes_go_whatever_became_of_them() -> None:
    user = signing.person()
    taken, waiting = signing.signed_in(user), signing.begun()
    assert taken and DeviceCode.objects.count() == 2
    tidy(time.time())
    assert DeviceCode.objects.count() == 2
    DeviceCode.objects.exclude(user_code=waiting.user_code).update(
        expires_at=NOW - tidying.CODE_KEPT_SECONDS - 1
    )
    tidy(time.time())
    assert DeviceCode.objects.get().user_code == waiting.user_code
