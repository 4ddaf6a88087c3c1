"""The guard: every spelling of a private address, names with several, redirects, sizes, times; on real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from gateway.kernel import egress
from gateway.kernel.egress import (
    Call,
    EgressFailed,
    EgressGuard,
    EgressRefused,
    EgressTooLarge,
    EgressTooSlow,
)
from tests.fakes.server import Answer, FakeServer, Seen

PUBLIC = "93.184.216.34"
LOOPBACK_SPELLINGS = (
    "127.0.0.1", "127.1", "127.0.1", "127.0.0.2", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.1",
    "0X7F.0.0.1", "017700000001", "0177.0.0.1", "127.000.000.001", "127。0。0。1", "①②⑦.0.0.1", "127.0.0.1.",
    "LOCALHOST", "localhost", "localhost.", "0", "0.0.0.0", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "%31%32%37.0.0.1",
)  # fmt: skip
NOT_PUBLIC = (
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "0.1.2.3",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a00:1::1", "2001:0:1::1",
    "2001:db8::1", "::7f00:1", "100::1",
)  # fmt: skip


def resolver(*addresses: str) -> egress.Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


def fetch(guard: EgressGuard, url: str, **options) -> egress.Answer:
    return asyncio.run(guard.fetch(Call(options.pop("method", "GET"), url, **options)))


@pytest.fixture
def server():
    with FakeServer(lambda seen: Answer(parts=[b"here"])) as server:
        yield server


def at(server: FakeServer, host: str = "127.0.0.1", path: str = "/") -> str:
    return f"http://{host}:{server.port}{path}"


LOOPBACK = EgressGuard(["127.0.0.1/32"])


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
@pytest.mark.parametrize("form", ["https://{}/", "http://{}:{port}/"])
def test_no_spelling_of_this_machine_is_called(server: FakeServer, host: str, form: str):
    with pytest.raises((EgressRefused, EgressFailed)):
        fetch(EgressGuard(), form.format(host, port=server.port))
    with pytest.raises((EgressRefused, EgressFailed)):
        fetch(EgressGuard(["10.0.0.0/8"]), form.format(host, port=server.port))
    assert server.accepted == 0


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_the_internet_s_is_refused_behind_any_name(address: str):
    guard = EgressGuard(resolver=resolver(PUBLIC, address))
    with pytest.raises(EgressRefused, match="not public"):
        asyncio.run(guard.target("https://innocent.example/"))


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1::1", "64:ff9b::808:808"])
def test_a_public_address_is_called_by_https_on_443_only(address: str):
    guard = EgressGuard(["10.0.0.0/8"], resolver=resolver(address))
    target = asyncio.run(guard.target("https://innocent.example/x"))
    assert (target.host, target.port, target.addresses) == ("innocent.example", 443, (address,))
    for url in ("http://innocent.example/", "https://innocent.example:8443/", "http://innocent.example:443/"):
        with pytest.raises(EgressRefused):
            asyncio.run(guard.target(url))


@pytest.mark.parametrize(
    "url",
    [
        "", "/relative", "ftp://h.example/", "file:///etc/passwd", "https:///x", "https://u:p@h.example/",
        "https://h.example@10.0.0.1/", "https://h.example\\@10.0.0.1/", "https://h.example/a b", "https://h.example/\n",
        "https://h.example:99999/", "https://h.example:0/", "https://h.example/ü", "https://[::1/", "https://h%00/",
    ],
)  # fmt: skip
def test_what_is_no_plain_url_is_refused_before_a_name_is_asked_for(url: str):
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise AssertionError(host)

    with pytest.raises(EgressRefused):
        asyncio.run(EgressGuard(["0.0.0.0/0"], resolver=resolve).target(url))


def test_an_allowed_network_is_called_by_http_on_any_port_and_no_neighbour_of_it(server: FakeServer):
    for host in ("127.0.0.1", "127.1", "2130706433", "[::ffff:127.0.0.1]"):
        asyncio.run(LOOPBACK.target(at(server, host)))
    assert fetch(LOOPBACK, at(server)).body == b"here"
    for host in ("127.0.0.2", "[::1]", "10.0.0.1", "0.0.0.0"):
        with pytest.raises(EgressRefused):
            fetch(LOOPBACK, at(server, host))


def test_a_configured_origin_is_allowed_as_it_is_and_nothing_beside(server: FakeServer):
    guard = EgressGuard(origins=[at(server, path="/inbox?x=1"), ""])
    assert fetch(guard, at(server, path="/other")).status == 200
    for url in (
        f"https://127.0.0.1:{server.port}/",
        f"http://127.0.0.1:{server.port + 1}/",
        at(server, "[::1]"),
    ):
        with pytest.raises(EgressRefused):
            fetch(guard, url)


def test_a_mapped_address_counts_as_the_one_it_reaches():
    guard = EgressGuard(["127.0.0.1/32"], resolver=resolver("::ffff:127.0.0.1"))
    assert asyncio.run(guard.target("http://x.example:8080/")).port == 8080


def test_the_connection_goes_to_the_address_that_was_judged(server: FakeServer):
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def changing(host: str, port: int) -> Sequence[str]:
        return next(answers)

    answer = fetch(EgressGuard(["127.0.0.1/32"], resolver=changing), at(server, "moving.example"))
    assert answer.status == 200
    assert server.seen[0].get("host") == f"moving.example:{server.port}".encode()
    assert next(answers) == ["10.0.0.1"], "the name was asked for once"


def test_the_next_address_is_tried_where_one_does_not_answer(server: FakeServer):
    guard = EgressGuard(["127.0.0.0/8"], resolver=resolver("127.0.0.9", "127.0.0.1"))
    assert fetch(guard, at(server, "two.example")).status == 200


def redirecting(seen: Seen) -> Answer:
    left = int(seen.path.rsplit(b"/", 1)[-1] or b"0")
    if not left:
        return Answer(parts=[b"there"])
    return Answer(302, [("location", f"/{left - 1}")], [b"moved"])


def test_two_redirects_of_a_get_are_followed_each_with_headers_of_its_own():
    with FakeServer(redirecting) as server:
        answer = fetch(LOOPBACK, at(server, path="/2"), headers=lambda url: [("x-url", url)])
        assert (answer.body, answer.url) == (b"there", at(server, path="/0"))
        assert [seen.get("x-url") for seen in server.seen] == [
            at(server, path=f"/{left}").encode() for left in (2, 1, 0)
        ]
        with pytest.raises(EgressFailed, match="redirects"):
            fetch(LOOPBACK, at(server, path="/3"))


@pytest.mark.parametrize(
    "location", ["http://127.0.0.2:{}/", "http://[::1]:{}/", "file:///etc/passwd", "//10.0.0.1/"]
)
def test_a_redirect_is_judged_anew(location: str):
    with FakeServer() as server:
        server.handler = lambda seen: Answer(302, [("location", location.format(server.port))])
        with pytest.raises(EgressRefused):
            fetch(LOOPBACK, at(server))
        assert server.accepted == 1


def test_a_get_may_be_told_to_follow_none():
    with FakeServer(redirecting) as server:
        answer = fetch(LOOPBACK, at(server, path="/1"), redirects=0)
        assert (answer.status, answer.body, len(server.seen)) == (302, b"moved", 1)


def test_a_post_follows_no_redirect():
    with FakeServer(redirecting) as server:
        answer = fetch(LOOPBACK, at(server, path="/1"), method="POST", body=b"{}")
        assert (answer.status, answer.header("location"), answer.body) == (302, "/0", b"moved")
        assert [(seen.method, seen.body) for seen in server.seen] == [("POST", b"{}")]


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_megabyte_is_taken_and_no_byte_more(framing: str):
    full = b"x" * egress.LONGEST_ANSWER_BYTES
    with FakeServer(lambda seen: Answer(parts=[full + seen.query], framing=framing)) as server:
        assert len(fetch(LOOPBACK, at(server)).body) == len(full)
        with pytest.raises(EgressTooLarge):
            fetch(LOOPBACK, at(server, path="/?x"))


def test_ten_megabytes_are_not_read_to_their_end():
    with FakeServer(
        lambda seen: Answer(parts=(b"x" * 65536 for _ in range(160)), framing="chunked")
    ) as server:
        with pytest.raises(EgressTooLarge):
            fetch(LOOPBACK, at(server))
        assert server.seen[0].bytes_sent < 8 * 1024 * 1024


@pytest.mark.parametrize(
    "slow",
    [Answer(delay=30.0), Answer(parts=[b"x", 30.0, b"y"]), Answer(parts=[b"x", 0.1] * 300)],
    ids=["head", "body", "dripping"],
)
def test_the_whole_call_has_its_time(slow: Answer):
    with FakeServer(lambda seen: slow) as server:
        begun = time.monotonic()
        with pytest.raises(EgressTooSlow):
            fetch(LOOPBACK, at(server), seconds=0.5)
        assert time.monotonic() - begun < 5


def test_redirects_and_names_count_into_the_time():
    async def slow(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(30)
        return ["127.0.0.1"]

    with pytest.raises(EgressTooSlow):
        fetch(EgressGuard(["127.0.0.1/32"], resolver=slow), "http://x.example/", seconds=0.2)
    assert Call("GET", "https://x.example/").seconds == egress.LONGEST_SECONDS == 10


@pytest.mark.parametrize(
    "answer",
    [
        Answer(raw_head=b"not http\r\n\r\n"), Answer(parts=[b"half"], length=10, close=True),
        Answer(headers=[("content-encoding", "gzip")], parts=[b"bomb"]),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_whole_is_none(answer: Answer):
    with FakeServer(lambda seen: answer) as server, pytest.raises(EgressFailed):
        fetch(LOOPBACK, at(server))


def test_nobody_there_and_a_name_without_address_are_told_apart_from_a_refusal():
    with FakeServer() as server:
        gone = at(server)
    with pytest.raises(EgressFailed, match="ConnectError"):
        fetch(LOOPBACK, gone)
    with pytest.raises(EgressFailed, match="no address"):
        fetch(EgressGuard(resolver=resolver()), "https://nowhere.example/")


def test_an_egress_proxy_of_the_environment_is_not_asked(server: FakeServer, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert fetch(LOOPBACK, at(server)).status == 200


def test_the_host_is_written_as_others_sign_it():
    written = {
        "https://A.example/x": "a.example",
        "https://a.example:443/": "a.example",
        "http://a.example:443/": "a.example:443",
        "http://[::1]:80/": "[::1]",
        "https://bücher.example./": "xn--bcher-kva.example",
    }
    assert {url: egress.host_header(url) for url in written} == written


def test_the_guard_of_the_installation_reads_the_option(options, server: FakeServer):
    options(EGRESS_ALLOWED_NETWORKS=())
    with pytest.raises(EgressRefused):
        fetch(egress.guard(), at(server))
    assert fetch(egress.guard(at(server)), at(server)).status == 200
    options(EGRESS_ALLOWED_NETWORKS=("127.0.0.1/32",))
    assert fetch(egress.guard(), at(server)).status == 200
