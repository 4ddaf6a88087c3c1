"""Secrets at rest: what opens what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernel.secrets import SecretBox, SecretUnreadable, box, fingerprint

OLD, NEW = b"o" * 32, b"n" * 32
REFERENCE = "aes256gcm:AAECAwQFBgcICQoL2r2J/wywEXY96fQIUEk6u5pOO4wAGBk="


@given(st.text(), st.text(max_size=40))
def test_what_was_put_in_comes_out(plain: str, context: str) -> None:
    plain = plain.encode("utf-8", "ignore").decode()
    context = context.encode("utf-8", "ignore").decode()
    stored = SecretBox([NEW]).encrypt(plain, context)
    assert stored.startswith("gcm1:")
    assert SecretBox([NEW]).decrypt(stored, context) == plain


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    stored = SecretBox([OLD]).encrypt("secret", "account:one")
    both = SecretBox([NEW, OLD])
    assert both.decrypt(stored, "account:one") == "secret"
    again = both.encrypt("secret", "account:one")
    assert again != both.encrypt("secret", "account:one")
    with pytest.raises(SecretUnreadable):
        SecretBox([OLD]).decrypt(again, "account:one")


def test_a_secret_moved_to_another_owner_does_not_open() -> None:
    stored = SecretBox([NEW]).encrypt("secret", "account:one")
    with pytest.raises(SecretUnreadable):
        SecretBox([NEW]).decrypt(stored, "account:two")


def test_the_references_form_is_read() -> None:
    assert SecretBox([NEW], "secret").decrypt(REFERENCE, "any") == "sk-test"
    with pytest.raises(SecretUnreadable):
        SecretBox([NEW], "another").decrypt(REFERENCE, "any")


@pytest.mark.parametrize(
    "stored", ["", "plain", "gcm1:", "gcm1:!!!", "gcm1:AAAA", "gcm1:żż", "aes256gcm:AAAA", "v9:AAAA"]
)
def test_what_is_no_stored_secret_says_so_without_showing_it(stored: str) -> None:
    with pytest.raises(SecretUnreadable) as problem:
        SecretBox([NEW], "secret").decrypt(stored, "c")
    assert "plain" not in str(problem.value)


def test_no_key_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one key"):
        SecretBox([])


def test_the_installations_box_and_fingerprints() -> None:
    assert box().decrypt(box().encrypt("s", "c"), "c") == "s"
    assert fingerprint("abc") == "ba7816bf"
