"""Settings of payments: what they become, and what is refused, by name."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.options import ConfigurationError
from gateway.payments import options as payment_options
from gateway.payments.methods.base import Offer
from gateway.payments.problems import Terms

GOOD: dict[str, Any] = {
    "MPP_ENABLE": True,
    "MPP_AMOUNT": "0.05",
    "MPP_CURRENCY": "USD",
    "MPP_RECIPIENT": "acct_or_wallet",
    "MPP_METHOD": ("stripe",),
}
SATS = {"MPP_AMOUNT": "21", "MPP_CURRENCY": "sat", "MPP_METHOD": ("lightning",)}


def test_off_is_nothing(options: Any) -> None:
    options(MPP_RECIPIENT="r", MPP_AMOUNT="abc")
    assert payment_options.from_settings() is None


def test_what_the_settings_become(options: Any, settings: Any) -> None:
    settings.ACTOR_BASE_URL = "https://router.example:8443/x"
    options(**GOOD, MPP_STRIPE_SECRET_KEY="sk_CANARY", MPP_STRIPE_NETWORK_ID="n", TOKEN_SECRET="CANARY" * 9)
    made = payment_options.from_settings()
    assert made is not None
    assert made.offer == Offer("5", "usd", "acct_or_wallet")
    assert made.terms == Terms("0.05", "USD", "acct_or_wallet", "stripe")
    assert (made.realm, made.expires_seconds, made.surfaces) == ("router.example", 300.0, "openai")
    assert (len(made.secrets), len(made.secrets[0])) == (1, 32)
    assert "CANARY" not in repr(made)
    options(MPP_SECRET=("0123456789abcdef0123456789abcdef", "another secret of at least 32 bytes"))
    rotated = payment_options.from_settings()
    assert rotated is not None and rotated.secrets[0] == b"0123456789abcdef0123456789abcdef"
    assert len(rotated.secrets) == 2


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        *(({"MPP_AMOUNT": amount}, "MPP_AMOUNT") for amount in ("", " ", "0.00", "-1", "NaN", "abc", "0.001")),
        *(({"MPP_CURRENCY": code}, "MPP_CURRENCY") for code in ("", "XAU", "dollars", "btc")),
        *(({"MPP_RECIPIENT": who}, "MPP_RECIPIENT") for who in ("", "  ", "x" * 1025)),
        *(({"MPP_METHOD": names}, "MPP_METHOD") for names in (("Stripe",), ("x",), ("a b",), ("stripe",) * 2)),
        ({"MPP_SECRET": ("short",)}, "MPP_SECRET"),
        ({"MPP_SECRET": ("a secret of thirty-two bytes, yes", "short")}, "MPP_SECRET"),
        ({"MPP_REALM": "кош"}, "MPP_REALM"),
        ({"MPP_METHOD": ("test",)}, "MPP_ALLOW_TEST"),
        ({"MPP_CURRENCY": "sat", "MPP_AMOUNT": "5"}, "MPP_CURRENCY"),
        ({"MPP_STRIPE_SECRET_KEY": "sk"}, "MPP_STRIPE_NETWORK_ID"),
        (
            {"MPP_STRIPE_SECRET_KEY": "sk", "MPP_STRIPE_NETWORK_ID": "n", "MPP_STRIPE_PAYMENT_METHOD_TYPES": ()},
            "MPP_STRIPE_PAYMENT_METHOD_TYPES",
        ),
        ({"MPP_METHOD": ("lightning",)}, "MPP_CURRENCY"),
        ({**SATS, "MPP_LIGHTNING_MACAROON": "ab"}, "MPP_LIGHTNING_API_URL"),
        ({**SATS, "MPP_LIGHTNING_MACAROON": "xy", "MPP_LIGHTNING_API_URL": "http://n"}, "MPP_LIGHTNING_MACAROON"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_named(options: Any, changes: dict[str, Any], name: str) -> None:
    gateway = options(**{**GOOD, **changes})
    found = list(payment_options.problems(gateway))
    assert name in [one for one, _ in found]
    with pytest.raises(ConfigurationError):
        payment_options.from_settings()
    assert list(payment_options.problems(options(MPP_ENABLE=False))) == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"MPP_METHOD": ()},
        {"MPP_METHOD": ("test",), "MPP_ALLOW_TEST": True},
        {"MPP_STRIPE_SECRET_KEY": "sk", "MPP_STRIPE_NETWORK_ID": "n"},
        SATS,
        {**SATS, "MPP_LIGHTNING_MACAROON": "0aFF", "MPP_LIGHTNING_API_URL": "http://n"},
        {"MPP_RECIPIENT": ' a"b\\c\n'},
        {"MPP_CURRENCY": "jpy", "MPP_AMOUNT": "5"},
    ],
)
def test_what_can_be(options: Any, changes: dict[str, Any]) -> None:
    assert list(payment_options.problems(options(**{**GOOD, **changes}))) == []


@pytest.mark.parametrize(
    ("url", "is_in_clear"),
    [
        ("https://router.example", False),
        ("http://router.example", True),
        ("http://0.0.0.0:8080", True),
        ("http://127.0.0.1:8080", False),
        ("http://[::1]:8080", False),
        ("http://localhost", False),
    ],
)
def test_plain_http_beyond_this_machine_is_noticed(url: str, is_in_clear: bool) -> None:
    assert payment_options.is_in_clear(url) is is_in_clear
