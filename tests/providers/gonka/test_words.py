"""What a node's refusal means, and what operators are told."""

from __future__ import annotations

import json

import pytest

from providers.gonka import words
from providers.gonka.words import Meaning, refusal


@pytest.mark.parametrize(
    ("status", "text", "meaning"),
    [
        (410, "Gone", Meaning.OTHER),
        (403, "Transfer Agent not allowed", Meaning.OTHER),
        (429, "Transfer Agent capacity reached. Try another TA from http://x/v1/…", Meaning.OTHER),
        (500, "Internal Server Error", Meaning.OTHER),
        (503, "", Meaning.OTHER),
        (308, "", Meaning.OTHER),
        (400, "Request timestamp is too old", Meaning.AGAIN),
        (400, "request timestamp is in the future", Meaning.AGAIN),
        (400, "signature is too old", Meaning.AGAIN),
        (400, "AuthKey has already been used", Meaning.AGAIN),
        (401, "Unable to validate request against PubKey:x", Meaning.KEY),
        (400, "Unable to validate request against PubKey", Meaning.KEY),
        (404, "Inference participant not found", Meaning.KEY),
        (404, "participant gonka1x not found", Meaning.KEY),
        (401, "", Meaning.KEY),
        (402, "", Meaning.BALANCE),
        (400, "Insufficient balance for the request", Meaning.BALANCE),
        (403, "insufficient funds", Meaning.BALANCE),
        (400, "max_tokens must be a number", Meaning.FINAL),
        (404, "model not found", Meaning.FINAL),
        (413, "Request Entity Too Large", Meaning.FINAL),
    ],
)  # fmt: skip
@pytest.mark.parametrize("shape", ["text", "message", "error"])
def test_meanings_whatever_the_shape(status: int, text: str, meaning: Meaning, shape: str) -> None:
    bodies = {
        "text": text,
        "message": json.dumps({"message": text}),
        "error": json.dumps({"error": {"message": text}}),
    }
    read = refusal(status, (), bodies[shape].encode())
    assert read.meaning is meaning
    assert text in read.message or not text
    assert read.is_openai_shaped is (shape == "error")


def said(told: words.Told) -> tuple[int, dict[str, str]]:
    return told.status, json.loads(told.body)["error"]


def test_what_operators_are_told() -> None:
    status, error = said(words.gone())
    assert status == 502 and "broker" in error["message"] and "GONKA_BROKER_URL" in error["message"]
    status, error = said(words.clock("too old", -75.2))
    assert (
        status == 502
        and "clock" in error["message"]
        and "-75 s" in error["message"]
        and "too old" in error["message"]
    )
    status, error = said(words.key("no", "gonka1abc", "A08="))
    assert status == 502
    assert all(word in error["message"] for word in ("GONKA_PRIVATE_KEY", "gonka1abc", "public key", "A08="))
    status, error = said(words.balance("no", "gonka1abc"))
    assert (status, error["code"], error["type"]) == (402, "insufficient_quota", "insufficient_quota")
    status, error = said(words.bad_key("a private key is …"))
    assert status == 502 and "GONKA_PRIVATE_KEY" in error["message"]
    status, error = said(words.no_model())
    assert (status, error["param"], error["code"]) == (400, "model", "model_not_found")
    status, error = said(words.no_nodes("why"))
    assert status == 502 and "why" in error["message"]


def test_when_every_node_has_failed_the_last_words_are_told() -> None:
    limited = refusal(429, ((b"retry-after", b"7"), (b"x-a", b"b")), b"slow down")
    told = words.exhausted(limited, 3)
    assert (told.status, told.code, told.headers) == (429, "gonka_busy", ((b"retry-after", b"7"),))
    assert "each of 3 nodes" in told.message and "slow down" in told.message
    told = words.exhausted(refusal(403, (), b"restricted until block 9"), 1)
    assert told.status == 502 and "restricted until block 9" in told.message
    assert "no answer from each of 2 nodes" in words.exhausted(None, 2).message


def test_the_caller_s_own_mistake_keeps_its_status() -> None:
    told = words.final(refusal(413, (), b"too large"))
    assert said(told)[0] == 413 and "too large" in told.message
