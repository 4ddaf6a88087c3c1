"""A secret that somebody has found leads to its token, and stays nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from gateway.models import AuditRow
from tests.principals import SOMEBODY
from tests.sign_ins import person
from tokens import services
from tokens.errors import BadTokenField, TokenNotFound
from tokens.jwt import signing
from tokens.leaked.services import find
from tokens.models import Token

pytestmark = pytest.mark.django_db
P: dict[str, Any] = {"principal": SOMEBODY}


def test_whatever_state_it_is_in_and_whatever_stands_around_it() -> None:
    made = services.issue(label="x", **P)
    assert find(f'  "Authorization: Bearer {made.secret}",\n', **P).id == made.token.id
    services.revoke(made.token.id, **P)
    assert find(made.secret, **P).is_revoked
    Token.objects.update(expires_at=1, signed_until=1)
    assert find(made.secret, **P).id == made.token.id
    kept = json.dumps(list(AuditRow.objects.values_list("subject", "before", "after", "action")))
    assert kept.count("token.find") == 3 and made.secret not in kept


def secrets() -> list[str]:
    made = services.issue(label="x", **P)
    gone = services.issue(label="y", **P)
    gone.token.delete()
    claims = signing.Claims(made.token.id, 1, 2**40)
    return ["la_sk_", "sk-ant-api03-x", made.secret[:-2], gone.secret, signing.sign(claims, b"another key")]


def test_what_is_none_of_ours() -> None:
    for secret in secrets():
        with pytest.raises(TokenNotFound) as refused:
            find(secret, **P)
        assert secret not in str(refused.value)
    assert not AuditRow.objects.filter(action="token.find")


@pytest.mark.parametrize("secret", [None, "", "  ", 5, ["la_sk_"], "a\0b"])
def test_what_is_no_text(secret: object) -> None:
    with pytest.raises(BadTokenField) as refused:
        find(secret, **P)
    assert refused.value.param == "secret"


def test_over_the_api() -> None:
    assert settings.GATEWAY.TOKEN_ADMIN_KEY == ""
    made = services.issue(label="x", **P)
    client = Client(headers={"Host": "localhost"})
    found = client.post("/api/tokens/find", {"secret": made.secret}, content_type="application/json")
    assert (found.status_code, found.json()["id"], "token" in found.json()) == (200, made.token.id, False)
    none = client.post("/api/tokens/find", {"secret": "la_sk_a.b.c"}, content_type="application/json")
    assert none.status_code == 404
    bad = client.post("/api/tokens/find", {"secret": "x", "y": 1}, content_type="application/json")
    assert bad.status_code == 400 and "y" in bad.json()["error"]["message"]


def test_tokens_of_one_person() -> None:
    person("ann@example.org")
    hers = services.issue(label="x", person="ann@example.org", **P).token
    services.issue(label="y", **P)
    client = Client(headers={"Host": "localhost"})
    listed = client.get("/api/tokens/list?person=Ann@example.org").json()["data"]
    assert [(each["id"], each["person"]) for each in listed] == [(hers.id, "ann@example.org")]
    assert client.get("/api/tokens/list?person=bob@example.org").json()["data"] == []
