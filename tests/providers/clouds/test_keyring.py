"""Each source of credentials is asked once, however many calls wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from providers.clouds.keyring import Keyring
from providers.clouds.sources import NoCredential
from providers.upstream import Credential, CredentialKind


class Scripted:
    """A source of a test's own."""

    def __init__(self, fetch: Callable[[], str]) -> None:
        self._fetch, self.value, self.count = fetch, "", 0

    def ready(self) -> str | None:
        return self.value or None

    def fetch(self) -> str:
        self.count += 1
        self.value = self._fetch()
        return self.value

    def is_same(self) -> bool:
        return False


async def test_many_calls_wait_for_one_fetch() -> None:
    gate = threading.Event()
    source = Scripted(lambda: (gate.wait(5) and "token-1") or "")
    keyring = Keyring(lambda *_: source)
    one = Credential(CredentialKind.GOOGLE, "")
    waiting = [asyncio.create_task(keyring.proof(one, "", None)) for _ in range(50)]
    await asyncio.sleep(0)
    gate.set()
    assert set(await asyncio.gather(*waiting)) == {"token-1"} and source.count == 1


async def test_a_refused_token_is_renewed_once_whoever_was_refused() -> None:
    names = iter(("a-token", "b-token", "c-token"))
    source = Scripted(lambda: next(names))
    keyring = Keyring(lambda *_: source)
    one = Credential(CredentialKind.GOOGLE, "")
    refused = await keyring.proof(one, "", None)
    renewed = [await keyring.renewed(one, "", None, refused) for _ in range(3)]
    assert renewed == ["b-token"] * 3 and source.count == 2


async def test_a_failure_is_told_and_not_asked_for_at_once_again() -> None:
    def fail() -> str:
        raise RuntimeError("no metadata here")

    source = Scripted(fail)
    keyring = Keyring(lambda *_: source)
    for _ in range(3):
        with pytest.raises(NoCredential, match="metadata"):
            await keyring.proof(Credential(CredentialKind.GOOGLE, ""), "", None)
    assert source.count == 1
