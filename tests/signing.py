"""People who sign in, in tests: each step by the service that makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.principals import SOMEBODY
from tokens.people import arriving
from tokens.people.arriving import Arrival
from tokens.signin import device, ending, grants
from tokens.signin.bearers import Pair
from tokens.signin.errors import GrantRefused
from tokens.signin.issuers import Issuer
from tokens.signin.models import DeviceCode, SignIn

EMAIL, PASSWORD = "ann@example.org", "pw-of-ann-0123456789"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
P = {"principal": SOMEBODY}
HERE = {"host": "127.0.0.1:8080"}
FORM = "application/x-www-form-urlencoded"


def person(email: str = EMAIL, password: str | None = PASSWORD, **values: Any) -> User:
    return User.objects.create_user(email, email, password, **values)


def begun() -> device.Begun:
    return device.begin(device.Asked("claude_code", "claude-code/2.1", "192.0.2.9"))


def approved(user: User, issuer_token: str = "") -> str:
    """Return the device code of a sign-in that its person has approved."""
    made = begun()
    device.approve(made.user_code, user, issuer_token, **P)
    return made.device_code


def signed_in(user: User, issuer_token: str = "") -> Pair:
    return grants.take(approved(user, issuer_token), **P)


def never_asked(refresh_token: str) -> str:
    raise AssertionError(f"the issuer is asked with {refresh_token}")


unasked = Issuer(never_asked)
"""Stands where no issuer may be asked."""


def polled_long_ago() -> None:
    """Let a client poll again at once."""
    DeviceCode.objects.update(polled_at=None)


def post(client: Client, path: str, headers: dict[str, str] = HERE, **fields: str) -> Any:
    """Send a form as an OAuth client does."""
    return client.post(path, urlencode(fields), content_type=FORM, headers=headers)


def arrival(**values: Any) -> Arrival:
    told = {"issuer": "https://id.test", "subject": "s-1", "email": EMAIL, "name": "Ann", "is_verified": True}
    return Arrival(**{"groups": None, **told, **values})


def _used_twice() -> str:
    """Return a refresh token that is older than the one before."""
    first = signed_in(person()).refresh_token
    second = grants.refresh(first, unasked, **P).refresh_token
    grants.refresh(second, unasked, **P)
    return first


def _refused(refresh_token: str) -> None:
    with pytest.raises(GrantRefused):
        grants.refresh(refresh_token, unasked, **P)


def _waiting() -> tuple[str, User]:
    return begun().user_code, person()


def _sign_in() -> SignIn:
    signed_in(person())
    return SignIn.objects.get()


SCENARIOS: dict[Callable[..., Any], tuple[Callable[[], Any], Callable[[Any], Any], str, str]] = {
    device.approve: (_waiting, lambda it: device.approve(*it, **P), "signin.approve", f"person:{EMAIL}"),
    device.deny: (_waiting, lambda it: device.deny(*it, **P), "signin.deny", f"person:{EMAIL}"),
    grants.take: (lambda: approved(person()), lambda it: grants.take(it, **P), "token.issue", "token:"),
    grants.refresh: (_used_twice, _refused, "signin.revoke", f"person:{EMAIL}"),
    ending.end: (_sign_in, lambda it: ending.end([it], "test", **P), "signin.revoke", f"person:{EMAIL}"),
    ending.sign_out: (_sign_in, lambda it: ending.sign_out(it, **P), "signin.revoke", f"person:{EMAIL}"),
    arriving.arrive: (
        int, lambda _: arriving.arrive(arrival(), **P), "person.create", f"person:{EMAIL}",
    ),
}  # fmt: skip
"""Services of signing in: what is there before, the call, and the row of audit that it leaves."""

UNRECORDED = {
    "gateway/tries/counting.py count": "what strangers try",
    "gateway/tries/counting.py forget": "what strangers try",
    "tokens/signin/bearers.py create": "a step of the services there, which record",
    "tokens/signin/bearers.py extend": "what a client does by itself each hour",
    "tokens/signin/device.py begin": "what strangers begin, until somebody decides",
    "tokens/signin/device.py poll": "when a client has asked last",
    "tokens/signin/device.py taken": "a step of the services there, which record",
    "tokens/signin/tidying.py forget_codes": "what is long over",
    "tokens/signin/tidying.py tidy": "what is long over",
    "tokens/signin/issuers.py asked": "the claim of a refresh",
}
