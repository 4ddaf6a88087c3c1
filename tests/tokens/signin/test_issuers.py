"""One window of a person asks her issuer at a time."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection

from tests import signing
from tests.signing import P
from tokens.signin import grants, issuers
from tokens.signin.bearers import Pair
from tokens.signin.errors import IssuerAway
from tokens.signin.issuers import Issuer
from tokens.signin.models import SignIn


@pytest.mark.django_db
def test_who_died_while_asking_is_overtaken() -> None:
    signing.signed_in(signing.person(), "issuer-0")
    row = SignIn.objects.get()
    SignIn.objects.update(issuer_token=f"{issuers.CLAIM}{time.time() - 1:.3f}:{row.issuer_token}")
    asked = issuers.asked(SignIn.objects.get(), Issuer(lambda token: f"{token}+"))
    assert asked.claim.startswith(issuers.CLAIM) and "issuer-0" not in repr(asked)


@pytest.mark.django_db
def test_a_token_that_does_not_open_is_no_word_of_the_issuer() -> None:
    signing.signed_in(signing.person(), "issuer-0")
    SignIn.objects.update(issuer_token="gcm1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==")
    with pytest.raises(IssuerAway):
        issuers.asked(SignIn.objects.get(), signing.unasked)
    assert not SignIn.objects.get().issuer_token.startswith(issuers.CLAIM)


@pytest.mark.django_db(transaction=True)
def test_of_two_windows_one_asks_and_both_get_the_same_pair() -> None:
    first = signing.signed_in(signing.person(), "issuer-0")
    asking, go_on = threading.Event(), threading.Event()
    calls: list[str] = []
    pairs: list[Pair] = []

    def ask(token: str) -> str:
        calls.append(token)
        asking.set()
        assert go_on.wait(20)
        return f"{token}+"

    def window() -> None:
        try:
            pairs.append(grants.refresh(first.refresh_token, Issuer(ask), **P))
        finally:
            connection.close()

    threads = [threading.Thread(target=window) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert asking.wait(20)
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert calls == ["issuer-0"]
    assert len(pairs) == 3 and len({pair.refresh_token for pair in pairs}) == 1
