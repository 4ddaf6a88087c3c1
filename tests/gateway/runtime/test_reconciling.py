"""What was written past every signal is found by looking; a database that is away ends nothing."""

from __future__ import annotations

import asyncio
import logging

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError

from gateway.runtime import reconciling
from gateway.runtime.reconciling import Reconciler, look
from tests.sign_ins import person, sign_in
from tokens.models import Token
from tokens.signin.models import SignIn


@pytest.mark.django_db
def test_to_look_brings_sign_ins_in_line(caplog: pytest.LogCaptureFixture) -> None:
    token = sign_in(person())
    User.objects.update(is_active=False)
    with caplog.at_level(logging.INFO):
        look()
        look()
    assert Token.objects.get(pk=token.pk).is_revoked
    assert [record.message for record in caplog.records if "in line" in record.message] == [
        "People: 1 rows that were written elsewhere are in line now"
    ]


@pytest.mark.django_db
def test_to_look_removes_sign_ins_that_ended_long_ago(caplog: pytest.LogCaptureFixture) -> None:
    who = person()
    sign_in(who)
    old = sign_in(who)
    SignIn.objects.filter(token=old).update(ends_at=1)
    Token.objects.filter(pk=old.pk).update(expires_at=1, signed_until=1)
    with caplog.at_level(logging.INFO):
        look()
    assert SignIn.objects.count() == Token.objects.count() == 1 and "1 sign-ins that ended" in caplog.text


@pytest.mark.parametrize("problem", [OperationalError("away"), RuntimeError("a defect")])
def test_whatever_goes_wrong_it_looks_again(problem: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise problem

    monkeypatch.setattr(reconciling.mirror, "repair", fail)
    look()


async def test_it_looks_until_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(reconciling, "look", lambda *_: loop.call_soon_threadsafe(seen.set))
    part = Reconciler(seconds=0.01)
    await part.start()
    assert part.is_running
    await asyncio.wait_for(seen.wait(), 10)
    await part.aclose()
    assert not part.is_running
