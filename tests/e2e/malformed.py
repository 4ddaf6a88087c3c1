"""What strangers send: malformed requests, and what each server has to answer. `name: (bytes, statuses)`."""

from __future__ import annotations

HOST = b"Host: gateway.test\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
VERSION = b"Sec-WebSocket-Version: 13\r\n"

Table = dict[str, tuple[bytes, set[int]]]


def get(target: bytes, *lines: bytes, version: bytes = b"1.1", host: bytes = HOST) -> bytes:
    head = b"GET " + target + b" HTTP/" + version + b"\r\n" + host
    return head + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def post(*lines: bytes, body: bytes = b"", target: bytes = b"/v1/messages") -> bytes:
    head = b"POST " + target + b" HTTP/1.1\r\n" + HOST
    return head + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def chunks(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


def shake(*lines: bytes, target: bytes = b"/nowhere", key: bytes = KEY, version: bytes = VERSION) -> bytes:
    extra = b"".join(line + b"\r\n" for line in lines)
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + UPGRADE + key + version + extra + b"\r\n"


BAD = {400}
NO = {401}

REQUEST_LINES: Table = {
    "garbage": (b"GARBAGE\r\n\r\n", BAD),
    "only LF": (b"GET /health HTTP/1.1\nHost: a\n\n", BAD),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50) + b"\r\n\r\n", BAD),
    "two words": (b"GET /health\r\n\r\n", BAD),
    "HTTP/0.9": (get(b"/health", version=b"0.9"), BAD),
    "HTTP/2.0": (get(b"/health", version=b"2.0"), BAD),
    "HTTP/1.2": (get(b"/health", version=b"1.2"), BAD),
    "HTTP/1.x": (get(b"/health", version=b"1.x"), BAD),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD),
    "method not ASCII": (b"G\xffT /health HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    "method with a control byte": (b"G\x01T /health HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    "method with a brace": (b"G{T /health HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    "method unknown": (b"FOO /health HTTP/1.1\r\n" + HOST + b"\r\n", {400, 405}),
    "method lower": (b"get /health HTTP/1.1\r\n" + HOST + b"\r\n", {400, 405}),
    "no slash": (get(b"health"), BAD),
    "star": (get(b"*"), BAD),
    "CONNECT": (b"CONNECT a:443 HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    "fragment": (get(b"/health#f"), BAD),
    "path not ASCII": (get(b"/\xff"), BAD),
    "query not ASCII": (get(b"/health?\xff"), BAD),
    "path too long": (get(b"/" + b"a" * 70_000), BAD),
    "ftp": (get(b"ftp://gateway.test/health"), BAD),
    "userinfo": (get(b"http://u:p@gateway.test/health"), BAD),
    "absolute without a host": (get(b"http:///health"), BAD),
    "absolute with a bad host": (get(b"http://a b/health"), BAD),
    "absolute with a bad port": (get(b"http://a:99999/health"), BAD),
    "absolute and fragment": (get(b"http://gateway.test/health#f"), BAD),
}
PATHS: Table = {
    "%ff": (get(b"/%ff"), NO),
    "half a percent": (get(b"/%"), NO),
    "%zz": (get(b"/%zz/%"), NO),
    "%00": (get(b"/%00"), NO),
    "admin %ff%00": (get(b"/admin/%ff%00"), {401, 404}),  # as of no page: NUL is in no name
    "admin query": (get(b"/admin/login/?next=%ff%00&next=%zz"), {200}),
    "static %00": (get(b"/static/%00"), {401, 404}),
    "static %ff": (get(b"/static/%ff"), {401, 404}),
    "static ..": (get(b"/static/%2e%2e/%2e%2e/etc/passwd"), {401, 404}),
    "static long": (get(b"/static/" + b"a" * 5000), {401, 404}),
    "api %00": (get(b"/api/tokens/%00/%ff"), NO),
    "query of a surface": (post(b"Content-Length: 2", body=b"{}", target=b"/v1/messages?%ff=%fe&%"), NO),
}
HEADERS: Table = {
    "no Host": (get(b"/health", host=b""), BAD),
    "two Hosts": (get(b"/health", host=b"Host: a\r\nHost: b\r\n"), BAD),
    "the same Host twice": (get(b"/health", host=b"Host: a\r\nHost: a\r\n"), BAD),
    "Host empty": (get(b"/health", host=b"Host:\r\n"), BAD),
    "Host with a space": (get(b"/health", host=b"Host: a b\r\n"), BAD),
    "Host with a path": (get(b"/admin/login/", host=b"Host: a/b\r\n"), BAD),
    "Host with a user": (get(b"/admin/login/", host=b"Host: u@a\r\n"), BAD),
    "Host not ASCII": (get(b"/admin/login/", host=b"Host: \xff\r\n"), BAD),
    "Host with half a bracket": (get(b"/admin/login/", host=b"Host: [::1\r\n"), BAD),
    "Host with a bad port": (get(b"/health", host=b"Host: a:99999\r\n"), BAD),
    "Host with a named port": (get(b"/health", host=b"Host: a:http\r\n"), BAD),
    "Host that Django dislikes": (get(b"/admin/login/", host=b"Host: a_b,c\r\n"), BAD),
    "name with @": (get(b"/health", b"b@d: 1"), BAD),
    "name with a space": (get(b"/health", b"a b: 1"), BAD),
    "name not ASCII": (get(b"/health", b"a\xff: 1"), BAD),
    "no name": (get(b"/health", b": 1"), BAD),
    "no colon": (get(b"/health", b"abc"), BAD),
    "no colon, and more": (get(b"/health", b"abc", b"x: 1"), BAD),
    "space before the first": (get(b"/health", host=b" x: a\r\n" + HOST), BAD),
    "NUL": (get(b"/health", b"x: \x00"), BAD),
    "CR": (get(b"/health", b"x: a\rb"), BAD),
    "value not ASCII": (get(b"/health", b"x: \xff\xfe"), {200}),
    "too long": (get(b"/health", b"x: " + b"a" * 70_000), BAD),
    "too many": (get(b"/health", *([b"x: a"] * 600)), BAD),
    "cookies": (get(b"/admin/", b"Cookie: sessionid=\xff\x80; =; ;;a; csrftoken=\xff"), {302}),
    "key not ASCII": (get(b"/v1/models", b"Authorization: Bearer \xff\xfe"), NO),
    "admin key not ASCII": (get(b"/v1/usage", b"Authorization: Bearer \xff\xfe"), NO),
    "forwarded": (get(b"/v1/usage", b"X-Forwarded-For: \xff\xfe, [::", b"Forwarded: ;;="), NO),
    "root path": (get(b"/health", b"Daphne-Root-Path: \xff"), {200}),
    "conditions": (
        get(b"/static/admin/css/base.css", b"If-Modified-Since: \xff 99 Foo 99999", b"Range: bytes=zz-\xff"),
        {200, 416},
    ),
    "languages": (get(b"/admin/login/", b"Accept-Language: " + b"a,\xff;q=z," * 999), {200}),
    "form": (
        post(
            b"Content-Type: application/x-www-form-urlencoded; charset=\xff",
            b"Content-Length: 5",
            body=b"a=%ff",
            target=b"/admin/login/",
        ),
        {400, 403},
    ),
    "multipart": (
        post(
            b"Content-Type: multipart/form-data; boundary=\xff",
            b"Content-Length: 5",
            body=b"a=%ff",
            target=b"/admin/login/",
        ),
        {400, 403},
    ),
    "origin": (
        post(b"Origin: http://[", b"Referer: http://[", b"Content-Length: 0", target=b"/admin/login/"),
        {403},
    ),
    "h2c": (
        get(b"/health", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: A"),
        {200},
    ),
    "an unknown expectation": (post(b"Expect: more", b"Content-Length: 2", body=b"{}"), {401, 417}),
}
LENGTHS: Table = {
    "30 digits": (post(b"Content-Length: " + b"9" * 30), BAD),
    "5,000 digits": (post(b"Content-Length: " + b"9" * 5000), BAD),
    "18 digits": (post(b"Content-Length: " + b"9" * 18), {413}),
    "negative": (post(b"Content-Length: -1"), BAD),
    "a word": (post(b"Content-Length: a"), BAD),
    "another script's digit": (post(b"Content-Length: \xb2"), BAD),
    "two": (post(b"Content-Length: 1", b"Content-Length: 2", body=b"ab"), BAD),
    "twice the same": (post(b"Content-Length: 2", b"Content-Length: 2", body=b"ab"), BAD),
    "length and chunks": (post(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), BAD),
    "chunks and length": (post(b"Transfer-Encoding: chunked", b"Content-Length: 2", body=b"0\r\n\r\n"), BAD),
    "gzip": (post(b"Transfer-Encoding: gzip", body=b"0\r\n\r\n"), BAD),
    "coding not ASCII": (post(b"Transfer-Encoding: \xff", body=b"0\r\n\r\n"), BAD),
    "extension": (chunks(b"2;a=\x01\r\n{}\r\n0\r\n\r\n"), BAD),
    "zz": (chunks(b"zz\r\n{}\r\n0\r\n\r\n"), BAD),
    "minus": (chunks(b"-2\r\n{}\r\n0\r\n\r\n"), BAD),
    "empty": (chunks(b"\r\n{}\r\n0\r\n\r\n"), BAD),
    "0x": (chunks(b"0x2\r\n{}\r\n0\r\n\r\n"), BAD),
    "not ASCII": (chunks(b"\xff\r\n{}\r\n0\r\n\r\n"), BAD),
    "more than said": (chunks(b"2\r\n{}xx\r\n0\r\n\r\n"), BAD),
    "18 f": (chunks(b"f" * 18 + b"\r\n{}"), {400, 413}),
    "15 f": (chunks(b"f" * 15 + b"\r\n{}"), {401, 413}),
}
HANDSHAKES: Table = {
    "unknown path": (shake(), {401, 403, 404}),
    "root": (shake(target=b"/"), {404, 426}),
    "responses": (shake(target=b"/v1/responses"), {401}),
    "chat": (shake(target=b"/v1/chat/completions"), {426}),
    "messages": (shake(target=b"/v1/messages"), {426}),
    "path in bytes": (shake(target=b"/%ff%00"), {401, 403, 404}),
    "absolute": (shake(target=b"http://gateway.test/v1/responses"), {401}),
    "no key": (shake(key=b""), BAD),
    "bad key": (shake(key=b"Sec-WebSocket-Key: \xff\r\n"), BAD),
    "short key": (shake(key=b"Sec-WebSocket-Key: YWJj\r\n"), BAD),
    "two keys": (shake(key=KEY + KEY), BAD),
    "no version": (shake(version=b""), BAD),
    "another version": (shake(version=b"Sec-WebSocket-Version: 99\r\n"), BAD),
    "version not ASCII": (shake(version=b"Sec-WebSocket-Version: \xff\r\n"), BAD),
    "protocol not ASCII": (shake(b"Sec-WebSocket-Protocol: \xff,,a"), BAD),
    "protocol of commas": (shake(b"Sec-WebSocket-Protocol: ,,,"), BAD),
    "extensions": (shake(b"Sec-WebSocket-Extensions: ;;=,permessage-deflate; x=99"), {400, 401, 403, 404}),
    "origin": (shake(b"Origin: http://[\xff"), BAD),
    "origin without an end": (shake(b"Origin: http://["), {400, 401, 403, 404}),
    "no Connection": (get(b"/nowhere", b"Upgrade: websocket", KEY[:-2], VERSION[:-2]), {401, 404}),
    "HTTP/1.0": (
        get(b"/nowhere", *(UPGRADE + KEY + VERSION).split(b"\r\n")[:-1], version=b"1.0"),
        {401, 404},
    ),
    "frames at once": (shake() + b"\xff\xff\xff\xff", {400, 401, 403, 404}),
    "another case": (
        get(
            b"/v1/responses",
            b"Connection: keep-alive, UPGRADE",
            b"Upgrade: WebSocket",
            KEY[:-2],
            VERSION[:-2],
        ),
        {401},
    ),
    "two Connections": (
        get(b"/v1/responses", UPGRADE[:-2], b"Connection: keep-alive", KEY[:-2], VERSION[:-2]),
        {401},
    ),
    "header not ASCII": (shake(b"x: \xff"), {400, 401, 403, 404}),
}
