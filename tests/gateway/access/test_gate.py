"""Access to administration: keys, this machine, proxies, lock-outs. Each way in is shown shut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.gate import (
    KEY_REQUIRED_TO_ISSUE,
    LOCK_SECONDS,
    PEERS_REMEMBERED,
    AccessDenied,
    Caller,
    Gate,
    GateOptions,
    Proxies,
    WrongKeys,
    is_json,
)
from providers.dialects.types import FailureKind

KEY = "correct horse"
JSON = {"content-type": "application/json"}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def caller(address: str = "203.0.113.9", method: str = "GET", **headers: str) -> Caller:
    given = {"host": "localhost:8080", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Caller(address, method, tuple((k.encode(), v.encode()) for k, v in given.items()))


def gate(key: str = KEY, *, clock: Clock | None = None, anonymous: bool = False, proxies: str = "") -> Gate:
    options = GateOptions(key, "0.0.0.0", anonymous, tuple(proxies.split()))
    return Gate(options, clock or Clock())


def refusal(of: Gate, who: Caller, **options: str) -> tuple[FailureKind, str]:
    with pytest.raises(AccessDenied) as denied:
        of.admit(who, **options)
    return denied.value.failure.kind, denied.value.failure.message


def test_the_key_opens() -> None:
    gate().admit(caller(authorization=f"Bearer {KEY}"))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Bearer  {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"authorization": "Bearer "},
        {"authorization": KEY},
        {"authorization": "Bearer ключ"},
        {"x_api_key": KEY},
    ],
)
def test_everything_else_does_not(headers: dict[str, str]) -> None:
    expected = (FailureKind.AUTHENTICATION, "admin Bearer key required")
    assert refusal(gate(), caller(**headers)) == expected
    assert refusal(gate(), caller("127.0.0.1", **headers)) == expected


def test_issuing_has_its_own_text() -> None:
    kind_and_text = refusal(gate(), caller(), message=KEY_REQUIRED_TO_ISSUE)
    assert kind_and_text == (FailureKind.AUTHENTICATION, "missing or invalid admin Bearer key")


def test_five_wrong_keys_lock_the_peer_even_with_the_right_one() -> None:
    clock = Clock()
    shared_gate = gate(clock=clock)
    for _ in range(5):
        assert refusal(shared_gate, caller(authorization="Bearer wrong"))[0] is FailureKind.AUTHENTICATION
        clock.now += 14
    with pytest.raises(AccessDenied) as denied:
        shared_gate.admit(caller(authorization=f"Bearer {KEY}"))
    assert denied.value.failure.kind is FailureKind.RATE_LIMIT
    assert denied.value.failure.retry_after_seconds == LOCK_SECONDS - 14
    shared_gate.admit(caller("203.0.113.10", authorization=f"Bearer {KEY}"))  # another peer
    clock.now += LOCK_SECONDS
    shared_gate.admit(caller(authorization=f"Bearer {KEY}"))


def test_slow_or_missing_keys_do_not_lock() -> None:
    clock = Clock()
    shared_gate = gate(clock=clock)
    for _ in range(20):
        refusal(shared_gate, caller(authorization="Bearer wrong"))
        refusal(shared_gate, caller())
        clock.now += 16
    shared_gate.admit(caller(authorization=f"Bearer {KEY}"))


def test_loopback_is_never_locked_unless_forwarded() -> None:
    shared_gate = gate(proxies="127.0.0.1")
    for _ in range(9):
        refusal(shared_gate, caller("127.0.0.1", authorization="Bearer wrong"))
    shared_gate.admit(caller("127.0.0.1", authorization=f"Bearer {KEY}"))
    for _ in range(5):
        refusal(
            shared_gate, caller("127.0.0.1", authorization="Bearer wrong", x_forwarded_for="198.51.100.1")
        )
    behind = caller("127.0.0.1", authorization=f"Bearer {KEY}", x_forwarded_for="198.51.100.1")
    assert refusal(shared_gate, behind)[0] is FailureKind.RATE_LIMIT
    shared_gate.admit(caller("127.0.0.1", authorization=f"Bearer {KEY}", x_forwarded_for="198.51.100.2"))


def test_without_a_key_this_machine_may() -> None:
    shared_gate = gate("")
    for address in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        shared_gate.admit(caller(address))
        shared_gate.admit(caller(address, "POST", content_type="application/json; charset=utf-8"))
        shared_gate.admit(caller(address, "DELETE"))
    for host in ("localhost", "127.0.0.1:8080", "[::1]:9", "[::1]", "LOCALHOST:1", "0.0.0.0:8080"):
        shared_gate.admit(caller("127.0.0.1", host=host))


@pytest.mark.parametrize(
    ("who", "word"),
    [
        (caller("203.0.113.9"), "this machine only"),
        (caller(""), "this machine only"),
        (caller("127.0.0.1", x_forwarded_for="127.0.0.1"), "this machine only"),
        (caller("127.0.0.1", forwarded="for=127.0.0.1"), "this machine only"),
        (caller("127.0.0.1", x_real_ip="127.0.0.1"), "this machine only"),
        (caller("127.0.0.1", host="evil.example"), "Host header"),
        (caller("127.0.0.1", host="localhost.evil.example:80"), "Host header"),
        (caller("127.0.0.1", host=""), "Host header"),
        (caller("127.0.0.1", origin="http://localhost:8080"), "web page"),
        (caller("127.0.0.1", origin="null"), "web page"),
        (caller("127.0.0.1", sec_fetch_site="cross-site"), "web page"),
        (caller("127.0.0.1", "POST"), "Content-Type"),
        (caller("127.0.0.1", "POST", content_type="text/plain"), "Content-Type"),
        (caller("127.0.0.1", "PUT", content_type="application/x-www-form-urlencoded"), "Content-Type"),
    ],
)
def test_without_a_key_nobody_else_may(who: Caller, word: str) -> None:
    kind, text = refusal(gate(""), who)
    assert kind is FailureKind.AUTHENTICATION
    assert word in text


def test_open_administration_has_to_be_asked_for() -> None:
    gate("", anonymous=True).admit(caller("203.0.113.9", "POST", origin="https://evil.example"))
    refusal(gate(anonymous=True), caller())  # a key that is set stays needed


@pytest.mark.parametrize(
    ("address", "forwarded_for", "peer"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", '"[2001:db8::7]:1"', "2001:db8::7"),
        ("10.0.0.1", "10.0.0.9", "10.0.0.9"),  # trusted all the way: the first one
        ("10.0.0.1", "203.0.113.9, nonsense", "nonsense"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),  # nobody we trust
    ],
)
def test_the_peer_is_the_last_address_that_is_no_trusted_proxy(
    address: str, forwarded_for: str, peer: str
) -> None:
    seen = Proxies(["10.0.0.0/8"]).peer(caller(address, x_forwarded_for=forwarded_for))
    assert (seen.address, seen.is_loopback) == (peer, False)


def test_repeated_forwarding_headers_are_one_list() -> None:
    headers = ((b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-for", b"10.0.0.2"))
    assert Proxies(["10.0.0.0/8"]).peer(Caller("10.0.0.1", "GET", headers)).address == "203.0.113.9"


@given(st.text(max_size=60), st.text(alphabet="0123456789.:,[] abcdef", max_size=60))
def test_no_header_makes_an_untrusted_peer_local(address: str, value: str) -> None:
    headers = ((b"x-forwarded-for", value.encode()),)
    peer = Proxies(["10.0.0.0/8"]).peer(Caller(address, "GET", headers))
    assert not peer.is_loopback
    assert peer.is_forwarded


def test_an_ipv6_network_is_one_peer() -> None:
    wrong = WrongKeys(Clock())
    for last in range(5):
        wrong.add(f"2001:db8::{last}")
    assert wrong.remaining_seconds("2001:db8::ffff") == LOCK_SECONDS
    assert wrong.remaining_seconds("2001:db8:0:1::1") == 0


def test_memory_is_bounded() -> None:
    wrong = WrongKeys(Clock())
    for number in range(PEERS_REMEMBERED + 500):
        for _ in range(5 if number % 2 else 1):
            wrong.add(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert 0 < len(wrong) <= PEERS_REMEMBERED


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (b"application/json", True),
        (b"Application/JSON; charset=utf-8", True),
        (b"application/vnd.api+json", True),
        (b"application/+json", False),
        (b"text/json", False),
        (b"", False),
    ],
)
def test_json_content_types(value: bytes, answer: bool) -> None:
    assert is_json(value) is answer
