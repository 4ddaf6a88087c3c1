"""Prove that a client's configuration works: with a call as the client makes it, and with the client itself."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

import httpx

from gateway.clients import writing
from gateway.clients.errors import ClientError
from gateway.clients.programs import PROMPT, USUAL_MODEL, Client, Environment, Wanted
from gateway.kernel.findings import Finding
from gateway.kernel.redaction import redact

CALL_SECONDS = 120.0
RUN_SECONDS = 300.0
SHOWN = 200  # characters of an answer
MAX_TOKENS = 256
_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "messages": (
        "/v1/messages",
        {"max_tokens": MAX_TOKENS, "messages": [{"role": "user", "content": PROMPT}]},
    ),
    "responses": ("/v1/responses", {"max_output_tokens": MAX_TOKENS, "input": PROMPT}),
    "chat_completions": (
        "/v1/chat/completions",
        {"max_completion_tokens": MAX_TOKENS, "messages": [{"role": "user", "content": PROMPT}]},
    ),
}


def report(client: Client, environment: Environment, *, runs_program: bool) -> Iterator[Finding]:
    """Yield what is configured, what the gateway answers, and what the program says. Calls cost what they cost."""
    file = client.file(environment)
    try:
        wanted = writing.configured(client, environment)
    except (ClientError, OSError) as problem:
        yield Finding(client.name, str(problem), True)
        return
    if wanted is None:
        yield Finding(client.name, f"{file}: no gateway is set up there", True)
        return
    yield Finding(client.name, f"{file}: {wanted.url}, model {wanted.model or 'its own choice'}")
    yield call(client, wanted)
    if runs_program:
        yield run(client, environment, wanted.token)


def call(client: Client, wanted: Wanted) -> Finding:
    """Make one call of the kind that the client makes."""
    model = wanted.model or USUAL_MODEL
    path, body = _BODIES[client.surface(model)]
    label = f"POST {path}"
    headers = {"authorization": f"Bearer {wanted.token}", "anthropic-version": "2023-06-01"}
    try:
        answer = httpx.post(
            wanted.url + path, json={"model": model, **body}, headers=headers, timeout=CALL_SECONDS
        )
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        return Finding(label, f"{type(problem).__name__}: {redact(str(problem))}", True)
    if answer.status_code != httpx.codes.OK:
        return Finding(label, f"{answer.status_code}: {_shown(answer.text, wanted.token)}", True)
    text = _text(answer)
    if not text:
        return Finding(label, f"200 without a text: {_shown(answer.text, wanted.token)}", True)
    return Finding(label, f"200, {model} says: {_shown(text, wanted.token)}")


def run(client: Client, environment: Environment, token: str) -> Finding:
    """Let the program answer one prompt, in an empty folder."""
    program = shutil.which(client.program, path=environment.get("PATH"))
    label = f"runs {client.program}"
    if program is None:
        return Finding(label, "it is not on the path", True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [program, *client.arguments(client.file(environment))],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=RUN_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            return Finding(label, _shown(str(problem), token), True)
    if done.returncode != 0 or not done.stdout.strip():
        said = done.stderr if done.stderr.strip() else done.stdout
        return Finding(label, f"exit status {done.returncode}: {_end(said, token)}", True)
    return Finding(label, f"exit status 0, it says: {_end(done.stdout, token)}")


def _text(answer: httpx.Response) -> str:
    """Return the text of an answer of any of the three surfaces."""
    try:
        document = answer.json()
        if "choices" in document:
            return str(document["choices"][0]["message"]["content"] or "")
        if "output" in document:
            items = [item for item in document["output"] if item["type"] == "message"]
            return "".join(part.get("text", "") for item in items for part in item["content"])
        return "".join(block.get("text", "") for block in document["content"])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return ""


def _shown(text: str, token: str) -> str:
    """Return the beginning of a text in one line, without secrets."""
    line = _line(text, token)
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"


def _end(text: str, token: str) -> str:
    """Return the end of a text in one line, without secrets."""
    line = _line(text, token)
    return line if len(line) <= SHOWN else f"…{line[-SHOWN:]}"


def _line(text: str, token: str) -> str:
    return " ".join(redact(text.replace(token, "<token>")).split())
