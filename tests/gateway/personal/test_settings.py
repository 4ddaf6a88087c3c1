"""A person's managed settings over the wire: who has them is told so, who has none gets 404."""

from __future__ import annotations

import json

import pytest
from django.db import OperationalError

from gateway.exchange.downstream import Message, Request
from gateway.personal.settings import ManagedSettings
from providers.dialects.types import FailureKind, Refused, WireAnswer
from tests.gateway.usage.contexts import token
from tokens.policies import services
from tokens.policies.services import Served
from tokens.records import Limits

TOKEN = token(Limits("t"))
POLICY = Served("dev", "sha256:1", '{"language":"ü"}')
GONE = OperationalError("away")


async def nothing() -> Message:
    return {"type": "http.disconnect"}


async def ask(desk: ManagedSettings, *headers: tuple[bytes, bytes]) -> WireAnswer:
    request = Request("GET", b"/managed/settings", b"", headers, "")
    return await desk.answer(TOKEN, b"/managed/settings", request, nothing)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[Served | Exception | None]:
    """Say what the rows answer: the last entry counts."""
    said: list[Served | Exception | None] = [POLICY]

    def served_to(token_id: str) -> Served | None:
        assert token_id == "t"
        if isinstance(said[-1], Exception):
            raise said[-1]
        return said[-1]

    monkeypatch.setattr(services, "served_to", served_to)
    return said


async def test_the_settings_with_their_sum(rows: list[object]) -> None:
    answer = await ask(ManagedSettings())
    assert answer.status == 200 and dict(answer.headers)[b"etag"] == b'"sha256:1"'
    assert answer.body == '{"uuid":"sha256:1","checksum":"sha256:1","settings":{"language":"ü"}}'.encode()
    assert json.loads(answer.body)["settings"] == {"language": "ü"}


@pytest.mark.parametrize("told", [b'"sha256:1"', b'"x", "sha256:1"', b'W/"sha256:1"'])
async def test_who_has_them_gets_no_body(rows: list[object], told: bytes) -> None:
    answer = await ask(ManagedSettings(), (b"if-none-match", told))
    assert (answer.status, answer.headers, answer.body) == (304, (), b"")


@pytest.mark.parametrize("told", [b"*", b'"sha256:0"', b"sha256:1", b""])
async def test_who_has_others_or_none_gets_them(rows: list[object], told: bytes) -> None:
    assert (await ask(ManagedSettings(), (b"if-none-match", told))).status == 200


async def test_without_a_policy_there_is_nothing(rows: list[object]) -> None:
    rows.append(None)
    with pytest.raises(Refused) as refused:
        await ask(ManagedSettings())
    assert refused.value.failure.kind is FailureKind.NOT_FOUND


async def test_while_the_database_is_away_the_last_answer_goes_on(rows: list[object]) -> None:
    desk = ManagedSettings()
    rows.append(GONE)
    with pytest.raises(OperationalError):
        await ask(desk)
    rows.append(POLICY)
    assert (await ask(desk)).status == 200
    rows.append(GONE)
    assert (await ask(desk)).status == 200
    rows.append(None)
    with pytest.raises(Refused):
        await ask(desk)
    rows.append(GONE)
    with pytest.raises(Refused):
        await ask(desk)


async def test_only_so_many_answers_are_kept(rows: list[object]) -> None:
    desk = ManagedSettings(most_kept=0)
    assert (await ask(desk)).status == 200
    rows.append(GONE)
    with pytest.raises(OperationalError):
        await ask(desk)
