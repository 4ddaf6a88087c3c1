from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange.exchange import Exchange
from gateway.models import TEXT_LENGTH
from gateway.usage.tidy import tidy


def exchange(**values: str) -> Exchange:
    return Exchange(id="i", started_at=1.0, **values)  # type: ignore[arg-type]


def test_ordinary_texts_stay_as_they_are():
    texts = {"path": "/v1/messages", "model_asked": "claude-x", "token_label": "Ünïcode ✓", "peer": "::1"}
    tidied = tidy(exchange(**texts))
    assert {name: getattr(tidied, name) for name in texts} == texts


def test_secrets_that_a_caller_put_into_a_path_or_a_model_are_not_stored():
    secret = "la_sk_eyJ0eXAi.eyJzdWIi.c2lnbmF0dXJl"
    tidied = tidy(exchange(path=f"/v1/{secret}/x", model_asked=secret, failure_message=f"bad {secret}"))
    assert "eyJ" not in tidied.path + tidied.model_asked + tidied.failure_message
    long = tidy(exchange(path="/" + "a" * 240 + secret))
    assert "eyJ" not in long.path


def test_what_databases_refuse_is_gone():
    longest = "".join(map(str, range(200)))  # no letter again and again, which other tests have for a secret
    tidied = tidy(
        exchange(path="/v1/\ud800\0'\"", token_id=longest, method="M" * 99, currency="LONGCURRENCY")
    )
    assert tidied.path == "/v1/?'\""
    assert (len(tidied.token_id), len(tidied.method), len(tidied.currency)) == (TEXT_LENGTH, 16, 8)


@given(st.text(st.characters(), max_size=600))
def test_every_text_becomes_storable(text: str):
    stored = tidy(exchange(path=text)).path
    assert len(stored) <= TEXT_LENGTH
    assert "\0" not in stored
    stored.encode()
