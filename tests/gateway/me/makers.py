"""Browsers at pages of one's own, and what is theirs."""

from __future__ import annotations

from typing import Any

from django.test import Client

from tests.gateway.usage.requests.making import call
from tests.principals import SOMEBODY
from tokens import services
from tokens.models import Token
from tokens.people.models import Person

P = {"principal": SOMEBODY}


def issued(**given: Any) -> services.Issued:
    return services.issue(principal=SOMEBODY, **given)


def at_home(person: Person) -> Client:
    """A browser in which this person is logged in."""
    client = Client()
    client.force_login(person.user)
    return client


def with_token(secret: str) -> Client:
    """A browser in which a token was pasted."""
    client = Client()
    answer = client.post("/me/", {"token": secret})
    assert (answer.status_code, answer["Location"]) == (302, "/me/")
    return client


def used(token: Token, **values: Any) -> str:
    """Make a call of this token, just now."""
    return call(**{"token_id": token.id, "token_label": token.label, "ledger_id": token.ledger_id, **values})
