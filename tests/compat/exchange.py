"""Send a case to one side, and see what comes back and what its upstream has got."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass, field

from tests.compat.cases import ADMIN_KEY, Case, answer_of, token
from tests.compat.sides import Side
from tests.fakes.server import Seen
from tests.harness import token_id
from tests.rawhttp import Headers, RawClient, Response

PATIENCE = 60.0
"""Seconds that an answer may take: both sides run beside others."""


@dataclass
class Observed:
    """What one side did. `status` None: the connection ended without an answer."""

    status: int | None
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    is_cut: bool = False
    upstream: list[Seen] = field(default_factory=list)


def run(side: Side, case: Case) -> Observed:
    """Send the case."""
    side.upstream.reset()
    answers = [answer_of(told, side.fill) for told in case.answers]
    side.upstream.say(*answers)
    if answers:
        side.upstream.handler = lambda seen: answers[-1]
    seen = Observed(None)
    # The reference drops connections of requests on which it fails.
    with contextlib.suppress(EOFError, OSError, ValueError), RawClient(side.port, PATIENCE) as client:
        client.send(_request(side, case))
        answer = client.response(case.method)
        seen = Observed(answer.status, answer.headers, answer.body, answer.is_cut)
        _note(side, answer)
    seen.upstream = list(side.upstream.seen)
    return seen


def ask(port: int, method: str, target: str, headers: Headers, body: bytes | None = None) -> Response:
    """Make one request on a connection of its own, as patiently."""
    with RawClient(port, PATIENCE) as client:
        return client.ask(method, target, headers, body).response(method)


def _request(side: Side, case: Case) -> bytes:
    headers = [(name, _filled(side, value)) for name, value in case.headers]
    names = {name.lower() for name, _ in headers}
    lines = [f"{case.method} {side.fill(case.target)} HTTP/1.1", f"host: 127.0.0.1:{side.port}"]
    lines += [f"{name}: {value}" for name, value in headers if name.lower() != "host"]
    body = case.body or b""
    if ("transfer-encoding", "chunked") in headers:
        body = b"5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n"
    elif "content-length" not in names and (body or case.method in ("POST", "PUT", "PATCH")):
        body = side.fill(body.decode()).encode() if b"<" in body[:100_000] and _is_text(body) else body
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _filled(side: Side, value: str) -> str:
    now = int(time.time())
    value = value.replace("<TOKEN>", token())
    value = value.replace("<TOKEN exp=now-58>", token(now - 58)).replace(
        "<TOKEN exp=now-62>", token(now - 62)
    )
    if "<ISSUED TOKEN>" in value:
        value = value.replace("<ISSUED TOKEN>", _revoked(side))
    return side.fill(value)


def _revoked(side: Side) -> str:
    """Issue a token and revoke it."""
    admin = [("authorization", f"Bearer {ADMIN_KEY}"), ("content-type", "application/json")]
    secret = str(ask(side.port, "POST", "/api/tokens", admin, b'{"label":"revoked"}').json()["token"])
    listed = ask(side.port, "GET", "/api/tokens/list", admin).json()["data"]
    (record,) = [one for one in listed if one["label"] == "revoked" and not one["revoked"]]
    ask(side.port, "POST", "/api/tokens/revoke", admin, json.dumps({"id": record["id"]}).encode())
    return secret


def _note(side: Side, answer: Response) -> None:
    """Keep the id of a token that was issued: later cases of the same process may refer to it."""
    if answer.status == 200 and answer.body.startswith(b"{") and b'"token"' in answer.body:
        side.notes["<LAST ID>"] = token_id(answer.json()["token"])
