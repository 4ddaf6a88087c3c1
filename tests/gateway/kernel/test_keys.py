"""Derived keys: fixed for ever, since data is encrypted with them."""

import hashlib
import hmac

from gateway.kernel.keys import DATA_LABEL, data_encryption_keys, derive, django_secret_key


def test_derivation_is_hkdf_sha256_with_the_label_as_info() -> None:
    """RFC 5869 by hand: extract with 32 zero bytes, expand one block."""

    prk = hmac.digest(bytes(32), b"secret", hashlib.sha256)
    assert derive("secret", DATA_LABEL) == hmac.digest(prk, DATA_LABEL.encode() + b"\x01", hashlib.sha256)


def test_purposes_do_not_share_a_key() -> None:
    assert derive("secret", "a") != derive("secret", "b")


def test_django_key_is_the_given_one_or_derived_or_none() -> None:
    assert django_secret_key("given", "secret") == "given"
    assert len(django_secret_key("", "secret")) == 64
    assert django_secret_key("", "") == ""


def test_the_first_key_encrypts_and_the_derived_one_still_reads() -> None:
    derived = data_encryption_keys((), "secret")
    keys = data_encryption_keys(("new", "old"), "secret")
    assert len(derived) == 1
    assert keys[0] == derive("new", DATA_LABEL)
    assert keys[2:] == derived
    assert data_encryption_keys((), "") == ()
