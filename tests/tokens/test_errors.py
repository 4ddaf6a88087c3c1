"""Texts that clients and scripts match on."""

from __future__ import annotations

import pytest

from tokens import errors


@pytest.mark.parametrize(("problem", "text"), [
    (errors.MissingToken(), "Missing Authorization Bearer token or x-api-key"),
    (errors.BadPrefix(), "Token must start with 'la_sk_' prefix"),
    (errors.ExpiredToken(), "Token has expired"),
    (errors.RevokedToken(), "Token has been revoked"),
    (errors.InvalidToken("InvalidSignature"), "Invalid token: InvalidSignature"),
    (errors.StoreUnavailable("x"), "Token storage error: x"),
])  # fmt: skip
def test_texts_of_the_reference(problem: errors.TokenError, text: str) -> None:
    assert problem.message == str(problem) == text


def test_every_refusal_of_a_secret_is_one_family() -> None:
    for kind in (
        "MissingToken",
        "BadPrefix",
        "InvalidToken",
        "ExpiredToken",
        "RevokedToken",
        "UnrecordedToken",
    ):
        assert issubclass(getattr(errors, kind), errors.AuthenticationFailed)
    assert not issubclass(errors.StoreUnavailable, errors.AuthenticationFailed)
