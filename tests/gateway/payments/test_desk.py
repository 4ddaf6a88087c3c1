"""Challenges that are made, and how they are recognised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.payments import encoding
from gateway.payments.challenge import bound_id
from gateway.payments.credential import Credential
from gateway.payments.desk import Asked
from gateway.payments.problems import Code, PaymentProblem
from tests.gateway.payments.building import ASKED, OFFER, OPTIONS, Scripted, credential, desk


async def test_a_challenge_for_each_method_that_can_be_had() -> None:
    first, second, third = Scripted("a"), Scripted("b"), Scripted("c")
    one = desk(first, second, third)
    assert [each.method for each in await one.challenges(ASKED, ())] == ["a", "b", "c"]
    second.can_offer = False
    assert [each.method for each in await one.challenges(ASKED, (b"b/charge, c/charge",))] == ["c"]
    assert [each.method for each in await one.challenges(ASKED, (b"b/charge",))] == []
    ids = {each.id for each in await one.challenges(ASKED, ())}
    assert not ids & {each.id for each in await one.challenges(ASKED, ())}


async def test_what_comes_back_is_recognised() -> None:
    one = desk()
    found = one.recognise(await credential(one), ASKED)
    assert (found.method.name, found.presented.offer) == ("test", OFFER)
    assert found.presented.payload == {"token": "paid"}


async def test_a_rotated_secret_recognises_what_it_made() -> None:
    old = await credential(desk())
    rotated = (b"a newer secret of thirty-two bytes", *OPTIONS.secrets)
    assert desk(secrets=rotated).recognise(old, ASKED)
    with pytest.raises(PaymentProblem):
        desk(secrets=rotated[:1]).recognise(old, ASKED)


def signed(made: Credential, **changes: str) -> Credential:
    challenge = replace(made.challenge, **changes)
    return replace(made, challenge=replace(challenge, id=bound_id(OPTIONS.secrets[0], challenge)))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires": "2020-01-01T00:00:00Z"}, Code.EXPIRED),
        ({"method": "stripe"}, Code.INVALID_CHALLENGE),
        ({"opaque": "!"}, Code.INVALID_CHALLENGE),
        ({"request": encoding.encode_object({"amount": "4", "currency": "usd"})}, Code.INSUFFICIENT),
        ({"request": encoding.encode_object({"amount": "4", "currency": "eur"})}, Code.INVALID_CHALLENGE),
        ({"request": encoding.encode_object({"amount": "٤", "currency": "usd"})}, Code.INVALID_CHALLENGE),
    ],
)
async def test_terms_that_are_not_those_of_the_call(changes: dict[str, str], code: Code) -> None:
    one = desk()
    with pytest.raises(PaymentProblem) as found:
        one.recognise(signed(await credential(one), **changes), ASKED)
    assert found.value.code is code


async def test_a_challenge_without_a_path_is_for_every_path() -> None:
    one = desk()
    made = await credential(one)
    assert one.recognise(signed(made, opaque=""), ASKED)
    with pytest.raises(PaymentProblem, match="another call"):
        one.recognise(made, Asked("/v1/responses", ASKED.body_hash))


async def test_an_expired_challenge() -> None:
    made = await credential(desk(clock=1_700_000_000.0))
    assert desk(clock=1_700_000_299.0).recognise(made, ASKED)
    with pytest.raises(PaymentProblem, match="expired"):
        desk(clock=1_700_000_300.0).recognise(made, ASKED)


@pytest.mark.parametrize("recipient", [' a"b\\c ', "кош", "a\nb", "a\tb", "x" * 1024, "я" * 1024])
async def test_a_recipient_of_any_letters_is_paid(recipient: str) -> None:
    one = desk(offer=replace(OFFER, recipient=recipient))
    (challenge,) = await one.challenges(ASKED, ())
    line = challenge.header_value()
    assert line.isascii() and line.isprintable() and len(line) < 8192
    assert encoding.decode_object(challenge.request)["recipient"] == recipient
    assert one.recognise(await credential(one), ASKED)
