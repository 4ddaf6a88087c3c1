"""Which headers pass, in either direction."""

from collections.abc import Sequence

from gateway.headers import MAX_NAMES, _passes_up, headers_down, headers_up, stream_headers


def test_what_an_upstream_never_sees() -> None:
    headers: Sequence[tuple[bytes, bytes]] = [
        (b"anthropic-beta", b"a"),
        (b"anthropic-beta", b"b"),
        (b"authorization", b"Bearer la_sk_x"),
        (b"x-api-key", b"la_sk_x"),
        (b"cookie", b"a=b"),
        (b"connection", b"keep-alive, X-Once"),
        (b"x-once", b"1"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"cf-ray", b"1"),
        (b"proxy-authorization", b"Basic x"),
        (b"via", b"1.1 proxy"),
        (b"host", b"gateway"),
        (b"te", b"trailers"),
        (b"x-claude-code-session-id", b"s"),
    ]
    assert headers_up(tuple(headers)) == (
        (b"anthropic-beta", b"a"),
        (b"anthropic-beta", b"b"),
        (b"x-claude-code-session-id", b"s"),
    )


def test_what_a_client_never_sees() -> None:
    headers = (
        (b"content-type", b"application/json"),
        (b"set-cookie", b"a=b"),
        (b"anthropic-organization-id", b"org"),
        (b"server", b"cloud"),
        (b"transfer-encoding", b"chunked"),
        (b"vary", b"a"),
        (b"vary", b"b"),
        (b"request-id", b"req_1"),
        (b"retry-after", b"7"),
    )
    assert [name for name, _ in headers_down(headers)] == [
        b"content-type",
        b"vary",
        b"vary",
        b"request-id",
        b"retry-after",
    ]


def test_names_that_a_caller_makes_up_do_not_fill_memory() -> None:
    for number in range(2 * MAX_NAMES):
        name = b"x-made-up-%d" % number
        assert headers_up(((name, b"1"), (b"cf-%d" % number, b"1"))) == ((name, b"1"),)
    assert len(_passes_up) <= MAX_NAMES


def test_a_stream_has_no_length_and_is_not_to_be_held_back() -> None:
    told = stream_headers(((b"content-length", b"9"), (b"x-accel-buffering", b"yes"), (b"vary", b"a")))
    assert told == (
        (b"vary", b"a"),
        (b"x-accel-buffering", b"no"),
        (b"cache-control", b"no-cache, no-transform"),
    )
    cached = (b"cache-control", b"no-store")
    assert stream_headers((cached,)) == (cached, (b"x-accel-buffering", b"no"))
