"""The proof: a real call to a server that answers, refuses, or is not there; and a program that is run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.clients import proving, writing
from gateway.clients.programs import CLIENTS, Wanted
from tests.ports import free_port

TOKEN = "la_sk_of_the_proof"
ANSWERS: dict[str, Any] = {
    "/v1/messages": {"content": [{"type": "text", "text": "hello there"}]},
    "/v1/responses": {
        "output": [
            {"type": "reasoning", "summary": []},
            {"type": "message", "content": [{"type": "output_text", "text": "hello there"}]},
        ]
    },
    "/v1/chat/completions": {"choices": [{"message": {"content": "hello there"}}]},
}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        is_known = self.headers["authorization"] == f"Bearer {TOKEN}"
        answer = ANSWERS[self.path] if body["model"] != "silent" else {"content": []}
        status, document = (200, answer) if is_known else (401, {"error": self.headers["authorization"]})
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "gpt-5.6"])
def test_every_client_s_call_is_understood(url: str, name: str, model: str) -> None:
    found = proving.call(CLIENTS[name], Wanted(url, TOKEN, model))
    assert not found.is_problem and "hello there" in found.text


def test_a_refusal_is_told_without_the_token(url: str) -> None:
    found = proving.call(CLIENTS["codex"], Wanted(url, "la_sk_wrong", "m"))
    assert found.is_problem and found.text.startswith("401") and "la_sk_wrong" not in found.text


def test_an_answer_without_a_text_proves_nothing(url: str) -> None:
    assert proving.call(CLIENTS["claude-code"], Wanted(url, TOKEN, "silent")).is_problem


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}", "http://[bad"])
def test_nobody_there_is_a_finding(address: str) -> None:
    found = proving.call(CLIENTS["aider"], Wanted(address.format(port=free_port()), TOKEN, "m"))
    assert found.is_problem


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "bin").mkdir()
    return {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}


def program(environment: dict[str, str], script: str) -> None:
    path = Path(environment["HOME"], "bin", "claude")
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "is_problem", "text"),
    [
        ('echo first; echo "$1 says hello"', False, "first -p says hello"),
        (f"echo why {TOKEN} >&2; exit 3", True, "exit status 3: why <token>"),
        ("true", True, "exit status 0"),
    ],
)
def test_the_program_is_run(environment: dict[str, str], script: str, is_problem: bool, text: str) -> None:
    program(environment, script)
    found = proving.run(CLIENTS["claude-code"], environment, TOKEN)
    assert (found.is_problem, text in found.text) == (is_problem, True), found


def test_the_report_goes_from_the_file_to_the_program(environment: dict[str, str], url: str) -> None:
    client = CLIENTS["claude-code"]

    def report() -> list[bool]:
        return [found.is_problem for found in proving.report(client, environment, runs_program=True)]

    assert report() == [True]  # nothing is set up
    writing.write(client, Wanted(url, TOKEN, ""), environment)
    assert report() == [False, False, True]  # the program is not there
    program(environment, "echo hello")
    assert report() == [False, False, False]
    client.file(environment).write_text("{")
    assert report() == [True]
