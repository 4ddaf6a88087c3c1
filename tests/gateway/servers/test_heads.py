"""What a head may say, case by case and without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.servers import heads
from gateway.servers.heads import BadHead, Target

KEY = (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")
VERSION = (b"sec-websocket-version", b"13")


@pytest.mark.parametrize(
    ("method", "target", "path", "host"),
    [
        (b"GET", b"http://a/b?c=d", b"/b?c=d", b"a"),
        (b"GET", b"HTTPS://a:443/b", b"/b", b"a:443"),
        (b"GET", b"http://[::1]:8080/b", b"/b", b"[::1]:8080"),
        (b"GET", b"http://a", b"/", b"a"),
        (b"GET", b"http://a?b", b"/?b", b"a"),
        (b"POST", b"http://a//b/../c%2f", b"//b/../c%2f", b"a"),
        (b"OPTIONS", b"http://a", b"*", b"a"),
        (b"OPTIONS", b"http://a/", b"/", b"a"),
        (b"OPTIONS", b"*", b"*", None),
    ],
)
def test_targets_that_are_no_plain_path(
    method: bytes, target: bytes, path: bytes, host: bytes | None
) -> None:
    assert heads.read_target(method, target) == Target(path, host)


@pytest.mark.parametrize(
    "target",
    [
        *(b"*", b"", b"a", b"a:443", b"?a", b"/a#b", b"/\xff", b"/ ", b"/\x00"),
        *(
            b"http:",
            b"http://",
            b"http:///a",
            b"http://u@a/",
            b"http://a b/",
            b"http://a:99999/",
            b"http://a/#b",
        ),
        *(b"ftp://a/", b"http://a\\b/", b"http://a/\xff", b"//a/b\x7f", b"http://[::1/", b"http://a:b/"),
    ],
)
def test_targets_that_are_none(target: bytes) -> None:
    assert not heads.ORIGIN_FORM.fullmatch(target)
    with pytest.raises(BadHead):
        heads.read_target(b"GET", target)


def test_a_plain_path_is_left_as_it_is() -> None:
    for target in (b"/", b"//", b"/a?b=c&d", b"/%ff%", b"/a\\b", b'/"<>{}|^`'):
        assert heads.ORIGIN_FORM.fullmatch(target)


@pytest.mark.parametrize(
    "host", [b"a", b"a.b:80", b"a_b", b"127.0.0.1:65535", b"[::1]", b"[fe80::1%25eth0]:1", b"a:", b"%41"]
)
def test_hosts(host: bytes) -> None:
    heads.check_hosts([host], "1.1")


@pytest.mark.parametrize(
    "host",
    [b"", b" ", b"a b", b"a/b", b"u@a", b"\xff", b"[::1", b"::1", b"a:65536", b"a:b", b"a?b", b"a#", b"a\\b"],
)
def test_what_is_no_host(host: bytes) -> None:
    for version in ("1.0", "1.1"):
        with pytest.raises(BadHead):
            heads.check_hosts([host], version)


def test_hosts_are_counted() -> None:
    heads.check_hosts([], "1.0")
    for hosts in ([], [b"a", b"a"], [b"a", b"b"]):
        with pytest.raises(BadHead):
            heads.check_hosts(hosts, "1.1")


def test_the_host_of_the_target_is_the_only_one() -> None:
    assert heads.with_host([(b"x", b"1"), (b"host", b"a")], b"b") == [(b"host", b"b"), (b"x", b"1")]
    assert heads.with_host([(b"x", b"1")], b"b") == [(b"host", b"b"), (b"x", b"1")]


def test_list_headers_are_read_line_by_line_and_member_by_member() -> None:
    assert heads.tokens([b"Keep-Alive, close", b"\tUpgrade ,"]) == {b"keep-alive", b"close", b"upgrade"}


@pytest.mark.parametrize(
    ("method", "upgrade", "connection", "wants"),
    [
        (b"GET", [b"WebSocket"], [b"keep-alive, Upgrade"], True),
        (b"GET", [b"h2c, websocket"], [b"x", b"upgrade"], True),
        (b"POST", [b"websocket"], [b"upgrade"], False),
        (b"GET", [b"websocket"], [b"upgrades"], False),
        (b"GET", [b"websocket"], [], False),
        (b"GET", [b"h2c"], [b"upgrade"], False),
    ],
)
def test_both_headers_ask_for_a_websocket(
    method: bytes, upgrade: list[bytes], connection: list[bytes], wants: bool
) -> None:
    headers = [(b"upgrade", value) for value in upgrade] + [(b"connection", value) for value in connection]
    assert heads.wants_websocket(method, headers) is wants


def test_a_good_handshake() -> None:
    heads.check_handshake([KEY, VERSION])
    heads.check_handshake([KEY, VERSION, (b"sec-websocket-protocol", b"a, b.c"), (b"origin", b"https://a")])


@pytest.mark.parametrize(
    "headers",
    [
        *([], [KEY], [VERSION], [KEY, KEY, VERSION], [KEY, VERSION, VERSION]),
        [KEY, (b"sec-websocket-version", b"8")],
        [VERSION, (b"sec-websocket-key", b"\xff")],
        [VERSION, (b"sec-websocket-key", b"YWJj")],
        [KEY, VERSION, (b"sec-websocket-protocol", b",")],
        [KEY, VERSION, (b"sec-websocket-protocol", b"\xff")],
        [KEY, VERSION, (b"sec-websocket-extensions", b"\xff")],
        [KEY, VERSION, (b"origin", b"\xff")],
    ],
)
def test_a_bad_handshake(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(BadHead):
        heads.check_handshake(headers)


@given(st.binary(max_size=40), st.sampled_from([b"GET", b"OPTIONS"]), st.binary(max_size=20))
def test_any_bytes_are_a_path_or_refused(target: bytes, method: bytes, host: bytes) -> None:
    for tried in (target, b"http://" + host + target):
        try:
            found = heads.read_target(method, tried)
        except BadHead:
            continue
        assert found.path == b"*" or heads.ORIGIN_FORM.fullmatch(found.path)
        found.path.decode("ascii")
        assert found.host is None or heads.is_host(found.host)
