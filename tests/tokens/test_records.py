"""Records: models and surfaces that a token may use, under its own limits and its groups'."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tokens.models import Token
from tokens.people.models import Person
from tokens.records import Limits, from_row, unrecorded
from tokens.signin.models import SignIn


def row(**fields: object) -> Token:
    times = {"issued_at": 1, "expires_at": 100, "signed_until": 100}
    return Token(id="a", ledger_id="l", **{**times, **fields})


@pytest.mark.parametrize(("patterns", "model", "allowed"), [
    ((), "anything", True),
    (("claude-*",), "claude-opus-4", True),
    (("claude-*",), "Claude-opus-4", False),
    (("claude-*",), "my-claude-opus", False),
    (("gpt-5", "claude-?"), "claude-3", True),
    (("*",), "", True),
])  # fmt: skip
def test_patterns(patterns: tuple[str, ...], model: str, allowed: bool) -> None:
    record = from_row(row(allowed_models=list(patterns), allowed_surfaces=list(patterns)), ())
    assert record.may_use_model(model) is allowed
    assert record.may_use_surface(model) is allowed
    assert record.is_model_restricted is bool(patterns)


@pytest.mark.django_db
def test_a_token_is_its_persons_and_a_sign_in_that_of_who_signed_in() -> None:
    ann = User.objects.create_user("ann", "ann@example.org")
    person, _ = Person.objects.get_or_create(user=ann)
    assert from_row(row(person=person), ()).person == "ann@example.org"
    times = {"started_at": 1, "ends_at": 2, "refresh_sha256": "x"}
    assert from_row(row(sign_in=SignIn(user=ann, **times)), ()).person == "ann@example.org"
    assert from_row(row(sign_in=SignIn(user=User(username="bob"), **times)), ()).person == "bob"
    assert from_row(row(sign_in=SignIn(user=None, **times)), ()).person == ""
    assert from_row(row(), ()).person == ""


def test_every_set_of_limits_must_allow() -> None:
    team = Limits("group:2", "team", allowed_models=("*-mini",))
    org = Limits("group:1", "org", allowed_surfaces=("chat",))
    record = from_row(row(allowed_models=["gpt-*"]), (team, org))
    assert record.may_use_model("gpt-mini") and not record.may_use_model("gpt-5")
    assert not record.may_use_model("x-mini")
    assert record.may_use_surface("chat") and not record.may_use_surface("messages")
    assert record.group == "team"
    assert record.with_shared(()).may_use_surface("messages")


def test_whether_a_ledger_must_be_asked() -> None:
    assert not from_row(row(allowed_models=["a"]), ()).is_limited
    assert from_row(row(max_requests=0), ()).is_limited
    assert from_row(row(), (Limits("g", requests_per_minute=1),)).is_limited
    assert from_row(row(), ()).with_shared((Limits("g", max_parallel_requests=1),)).is_limited


def test_an_empty_account_pins_nothing() -> None:
    record = from_row(row(account="", provider=""), ())
    assert record.account is None and record.provider is None


def test_only_a_shortened_life_ends_early() -> None:
    assert from_row(row(), ()).ends_early_at is None
    assert from_row(row(expires_at=50), ()).ends_early_at == 50
    # a record that the reference kept without times: the signature alone decides
    assert from_row(row(expires_at=0, signed_until=0), ()).ends_early_at is None


def test_an_unrecorded_token_has_no_limits() -> None:
    record = unrecorded("s", "l", (1, 2))
    assert not record.is_recorded and not record.is_limited and record.may_use_model("x")
