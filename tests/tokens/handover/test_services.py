"""A token handed over: only hash and ciphertext are kept, and the link gives it once, in time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import connection

from gateway.models import AuditRow
from tests.principals import SOMEBODY
from tokens import services as tokens
from tokens.errors import BadTokenField
from tokens.handover import services
from tokens.handover.models import Handover
from tokens.handover.services import HandoverGone, HandoverUnknown
from tokens.models import Token
from tokens.own import proving

pytestmark = pytest.mark.django_db
P = {"principal": SOMEBODY}


@pytest.fixture(autouse=True)
def folder(options: Any, tmp_path: Any) -> None:
    options(DATA_DIR=tmp_path)


def everything_stored() -> str:
    with connection.cursor() as cursor:
        found = []
        for name in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{name}"')
            found += cursor.fetchall()
    return str(found)


def test_it_is_taken_once_and_nothing_else_tells_the_secret() -> None:
    made = services.issue(label="laptop", budget="5", **P)
    assert made.secret not in repr(made)
    kept = everything_stored()
    assert made.secret not in kept and "la_sk_" not in kept and "gcm1:" in kept
    assert services.find(made.secret).token == made.token and services.find(made.secret)
    taken = services.take(made.secret, **P)
    assert proving.proved(taken.secret) == made.token and made.token.budget == 5
    assert "gcm1:" not in Handover.objects.get().sealed and taken.secret not in repr(taken)
    for again in (services.find, lambda secret: services.take(secret, **P)):
        with pytest.raises(HandoverGone):
            again(made.secret)
    rows = list(AuditRow.objects.order_by("id").values_list("action", "subject"))
    subject = f"token:{made.token.id}"
    assert rows == [("token.issue", subject), ("token.handover", subject), ("token.handover-open", subject)]


def test_it_ends_in_time_and_forgets_what_nobody_took() -> None:
    made = services.issue(ttl_hours=100, **P)
    assert abs(made.expires_at - time.time() - 86_400) < 60
    Handover.objects.update(expires_at=int(time.time()))
    with pytest.raises(HandoverGone):
        services.take(made.secret, **P)
    services.issue(**P)
    assert Handover.objects.get(token=made.token).sealed == ""


def test_it_never_outlives_its_token() -> None:
    made = services.issue(ttl_hours=1, **P)
    assert made.expires_at == made.token.expires_at
    tokens.revoke(made.token.id, **P)
    with pytest.raises(HandoverGone):
        services.find(made.secret)


@pytest.mark.parametrize("secret", ["", "x", "\0", "y" * 10_000])
def test_a_link_that_was_never_made(secret: str) -> None:
    with pytest.raises(HandoverUnknown):
        services.take(secret, **P)


def test_a_token_that_is_refused_leaves_nothing() -> None:
    with pytest.raises(BadTokenField):
        services.issue(group="nobody", **P)
    assert not Token.objects.exists() and not Handover.objects.exists() and not AuditRow.objects.exists()


def test_the_field_is_strict(options: Any) -> None:
    assert services.is_wanted(True) and not services.is_wanted(False) and not services.is_wanted(None)
    for wrong in ("yes", 1, []):
        with pytest.raises(BadTokenField, match="handover"):
            services.is_wanted(wrong)
    options(DISABLE_CONSOLE=True)
    assert not services.is_wanted(False)
    with pytest.raises(BadTokenField, match="DISABLE_CONSOLE"):
        services.is_wanted(True)


def test_the_address(options: Any) -> None:
    assert services.address("http://here:1/", "s") == "http://here:1/handover/s"
    options(PUBLIC_URL="https://gw.example.com")
    assert services.address("http://here:1/", "s") == "https://gw.example.com/handover/s"
