"""A cloud's account in its row: names readable, secrets encrypted, what is not given stays."""

from __future__ import annotations

from accounts.credentials.cloud_rows import apply, stored
from accounts.models import Account, Source


def test_secrets_are_encrypted_and_names_are_not() -> None:
    row = Account(name="one", source=Source.AWS)
    apply(row, {"access_key_id": "AKIA", "secret": "s" * 40, "session_token": "t" * 20})
    assert row.details == {"access_key_id": "AKIA"} and "s" * 40 not in row.encrypted_secret
    assert stored(row) == {"access_key_id": "AKIA", "secret": "s" * 40, "session_token": "t" * 20}


def test_what_is_not_given_stays_and_empty_goes() -> None:
    row = Account(name="one", source=Source.AWS)
    apply(row, {"access_key_id": "AKIA", "secret": "s" * 40, "session_token": "t" * 20})
    apply(row, {"session_token": "", "role_arn": "arn:aws:iam::1:role/r"})
    assert stored(row) == {"access_key_id": "AKIA", "secret": "s" * 40, "role_arn": "arn:aws:iam::1:role/r"}


def test_an_account_of_another_source_has_nothing_of_it() -> None:
    assert stored(Account(name="one", source=Source.API_KEY, encrypted_secret="x")) == {}
