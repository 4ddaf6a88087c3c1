"""Whose body it would be, from the head alone."""

from __future__ import annotations

import pytest

from gateway.access.doorkeeper import ADMINISTRATOR, Doorkeeper
from gateway.access.gate import WRONG_KEYS, Caller, Gate, GateOptions
from gateway.servers.heads import Head
from tokens.jwt import signing
from tokens.registry import Registry

KEY = b"secret-of-this-test"
ADMIN_KEY = "admin-key-of-this-test"
FAR = 2**40


def maintenance(accept_unrecorded: bool = False, key: str = ADMIN_KEY) -> Doorkeeper:
    return Doorkeeper(
        Registry(KEY, accept_unrecorded), Gate(GateOptions(key, "127.0.0.1", False), lambda: 0.0)
    )


def head(*headers: tuple[bytes, bytes], peer: str = "9.9.9.9") -> Head:
    return Head("POST", headers, peer)


def bearer(secret: str) -> tuple[bytes, bytes]:
    return (b"authorization", b"Bearer " + secret.encode())


def secret(key: bytes = KEY, exp: int = FAR) -> str:
    return signing.sign(signing.Claims("token-1", 1, exp), key)


@pytest.mark.parametrize("accept_unrecorded", [False, True])
def test_a_token_that_memory_does_not_know_yet_is_known_by_its_signature(accept_unrecorded: bool) -> None:
    asked = maintenance(accept_unrecorded)
    assert asked.whose_body(head(bearer(secret()))) == "token-1"
    assert asked.whose_body(head((b"x-api-key", secret().encode()))) == "token-1"


def test_strangers() -> None:
    asked = maintenance()
    for headers in (
        (),
        (bearer(secret(b"another key")),),
        (bearer(secret(exp=1)),),
        (bearer("la_sk_x.y.z"),),
        (bearer("sk-something"),),
        ((b"authorization", b"Bearer \xff"),),
        ((b"cookie", b"sessionid=abc"),),
        (bearer(ADMIN_KEY + "x"),),
    ):
        assert asked.whose_body(head(*headers)) == ""


class Recordless(Registry):
    """A registry whose table is empty."""

    def _fetch(self, sub: str) -> None:
        return None


async def test_a_token_without_a_record_is_a_strangers_once_that_is_known() -> None:
    registry = Recordless(KEY, False)
    await registry.lookup("token-1")
    assert (
        Doorkeeper(registry, Gate(GateOptions("", "", False), lambda: 0.0)).whose_body(head(bearer(secret())))
        == ""
    )


def test_the_administrator() -> None:
    assert maintenance().whose_body(head(bearer(ADMIN_KEY))) == ADMINISTRATOR
    assert maintenance(key="").whose_body(head((b"authorization", b"Bearer "))) == ""


def test_who_is_locked_out_can_try_no_key_here() -> None:
    gate = Gate(GateOptions(ADMIN_KEY, "127.0.0.1", False), lambda: 0.0)
    asked = Doorkeeper(Registry(KEY, False), gate)
    for _ in range(WRONG_KEYS):
        with pytest.raises(Exception, match="admin Bearer key"):
            gate.admit(Caller("9.9.9.9", "POST", (bearer("wrong"),)))
    assert asked.whose_body(head(bearer(ADMIN_KEY))) == ""
    assert asked.whose_body(head(bearer(ADMIN_KEY), peer="8.8.8.8")) == ADMINISTRATOR
