"""A sign-in ends whole, whatever of it is presented."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests import signing
from tests.signing import P
from tokens import services
from tokens.models import Token
from tokens.signin import ending, grants
from tokens.signin.errors import GrantRefused
from tokens.signin.models import SignIn

pytestmark = pytest.mark.django_db


def test_bearer_and_refresh_token_both_name_the_sign_in() -> None:
    pair = signing.signed_in(signing.person())
    later = grants.refresh(pair.refresh_token, signing.unasked, **P)
    row = SignIn.objects.get()
    for presented in (pair.bearer, pair.refresh_token, later.bearer, later.refresh_token):
        assert ending.of_presented(presented) == row


def test_nothing_else_names_one() -> None:
    plain = services.issue(label="plain", **P).secret
    for presented in ("", "x", plain, "la_sk_x.y.z", "la_rt_AAAA", "\0", "\ud800"):
        assert ending.of_presented(presented) is None


class Fuzz(TestCase):
    """Anything at all presented as a bearer or a refresh token."""

    @settings(max_examples=150, deadline=None)
    @given(
        st.text(max_size=120)
        | st.tuples(st.sampled_from(["la_sk_", "la_rt_", "la_dc_"]), st.text(max_size=99)).map("".join),
        st.integers(min_value=0, max_value=400),
        st.characters(),
    )
    def test_nothing_made_up_or_changed_names_a_sign_in(self, made_up: str, place: int, letter: str) -> None:
        assert ending.of_presented(made_up) is None
        with pytest.raises(GrantRefused):
            grants.refresh(made_up, signing.unasked, **P)
        pair = self.pair
        for whole in (pair.bearer, pair.refresh_token):
            spot = place % len(whole)
            changed = whole[:spot] + letter + whole[spot + 1 :]
            found = ending.of_presented(changed)
            assert found is None or changed == whole

    def setUp(self) -> None:
        self.pair = signing.signed_in(signing.person())


def test_it_ends_once_with_its_token() -> None:
    signing.signed_in(signing.person())
    row = SignIn.objects.get()
    assert ending.end([row], "test", **P) == 1
    assert ending.end([row], "test", **P) == 0
    assert Token.objects.get().is_revoked and SignIn.objects.get().issuer_token == ""
