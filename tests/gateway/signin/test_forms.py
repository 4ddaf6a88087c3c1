"""Forms of OAuth clients: whatever comes, an answer in their form, and never a defect."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from gateway.signin import forms
from gateway.tries.counting import TooMany
from tests.signing import FORM, HERE
from tokens.signin.errors import GrantRefused, IssuerAway, PolledTooSoon

PATHS = ("/oauth/device_authorization", "/oauth/token", "/oauth/revoke")
ERRORS = {"invalid_request", "unsupported_grant_type", "expired_token", "invalid_grant", "slow_down"}


def fields(body: bytes, kind: str = FORM) -> dict[str, str]:
    return forms.fields_of(RequestFactory().post("/oauth/token", body, content_type=kind))


def test_fields_that_nobody_knows_are_nobody_s_mistake() -> None:
    assert fields(b"a=1&b=%C3%BC+x&c=") == {"a": "1", "b": "ü x", "c": ""}
    assert fields(b"", "") == {}
    assert fields(b"a=1", FORM + "; charset=utf-8") == {"a": "1"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"a=1&a=2", FORM),
        (b"a=%FF", FORM),
        (b"\xff=1", FORM),
        (b"&".join(b"%d=1" % number for number in range(101)), FORM),
        (b"a=" + b"x" * 65_536, FORM),
        (b'{"a": 1}', "application/json"),
        (b"a=1", "text/plain"),
    ],
)
def test_what_can_not_be_read(body: bytes, kind: str) -> None:
    with pytest.raises(forms.BadForm):
        fields(body, kind)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("problem", "status", "error", "wait"),
    [
        (forms.BadForm("x"), 400, "invalid_request", None),
        (GrantRefused("authorization_pending", "x"), 400, "authorization_pending", None),
        (GrantRefused("invalid_grant", "x"), 401, "invalid_grant", None),
        (PolledTooSoon(5), 429, "slow_down", "5"),
        (TooMany(12.3), 429, "slow_down", "13"),
        (IssuerAway("x"), 503, "temporarily_unavailable", "5"),
        (OperationalError("x"), 503, "temporarily_unavailable", "5"),
    ],
)
def test_every_failure_is_told_in_oauth_s_form(
    problem: Exception, status: int, error: str, wait: str | None
) -> None:
    def view(_: Any) -> Any:
        raise problem

    answer = forms.oauth(view)(RequestFactory().post("/oauth/token", headers=HERE))
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, wait)
    assert answer.headers["Cache-Control"] == "no-store"
    assert f'"error": "{error}"'.encode() in answer.content and b"error_description" in answer.content


@pytest.mark.parametrize("path", PATHS)
def test_only_a_form_that_is_posted(path: str) -> None:
    answer = Client().get(path, headers=HERE)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert answer.json()["error"] == "invalid_request"


KNOWN = st.sampled_from(
    [
        "grant_type", "device_code", "refresh_token", "token", "surface", "client_id", "token_type_hint",
        "urn:ietf:params:oauth:grant-type:device_code", "la_rt_AAAA", "la_dc_AAAA", "la_sk_a.b.c",
    ]
)  # fmt: skip
WORDS = KNOWN | st.text(max_size=40)


class Fuzz(TestCase):
    """Anything at all in a form."""

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(PATHS),
        st.binary(max_size=200)
        | st.lists(st.tuples(WORDS, WORDS), max_size=6).map(
            lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "replace")
        ),
        st.sampled_from([FORM, FORM.upper(), "application/json", "multipart/form-data", ""]),
    )
    def test_any_form_gets_an_answer(self, path: str, body: bytes, kind: str) -> None:
        answer = Client().post(path, body, content_type=kind, headers=HERE)
        told = answer.json()
        assert answer.status_code in (200, 400, 401, 429), answer.content
        assert answer.status_code == 200 or told["error"] in ERRORS, told
        assert path != "/oauth/revoke" or answer.status_code == 200
