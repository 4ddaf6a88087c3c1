"""A real Claude Code over an OpenAI-compatible provider that has a small window, or fails between two turns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installs import claude_code
from tests.e2e.test_claude_code import run
from tests.fakes.openai_strict import StrictOpenAi, error_answer
from tests.fakes.server import Answer, Seen

pytestmark = [pytest.mark.interop, pytest.mark.timeout(400)]
MODEL = "claude-proxy-gpt"
MORE = {"ANTHROPIC_MODEL": MODEL, "ANTHROPIC_DEFAULT_HAIKU_MODEL": MODEL}
Refuse = Callable[[dict[str, Any]], Answer | None]


@pytest.fixture(scope="module")
def program() -> Path:
    return claude_code()


@contextmanager
def refusing(server: StrictOpenAi, refuse: Refuse) -> Iterator[list[dict[str, Any]]]:
    """Let a server refuse some calls; give the bodies of those that it answers."""
    served: list[dict[str, Any]] = []

    def handler(seen: Seen) -> Answer:
        if not seen.path.endswith(b"/chat/completions"):
            return server.answer(seen)
        body = json.loads(seen.body)
        refused = refuse(body)
        if refused is None:
            served.append(body)
        return refused or server.answer(seen)

    usual, server.handler = server.handler, handler
    try:
        yield served
    finally:
        server.handler = usual


def ceiling_of(body: dict[str, Any]) -> int:
    return int(body.get("max_completion_tokens") or body.get("max_tokens") or 0)


def test_an_output_limit_that_does_not_fit_is_made_smaller(mixed, program, openai_vendor, tmp_path) -> None:
    window, taken, asked = 40_000, 30_000, []

    def refuse(body: dict[str, Any]) -> Answer | None:
        asked.append(ceiling_of(body))
        if ceiling_of(body) <= window - taken:
            return None
        return error_answer(
            400,
            f"'max_tokens' or 'max_completion_tokens' is too large: {ceiling_of(body)}. This model's maximum context "
            f"length is {window} tokens and your request has {taken} input tokens "
            f"({ceiling_of(body)} > {window} - {taken}).",
        )

    with refusing(openai_vendor, refuse) as served:
        output = run(program, tmp_path, mixed.url, mixed.token.secret, "-p", "SAY it fits", **MORE)
    assert output.strip() == "it fits"
    assert (
        max(asked) > window - taken and served and all(ceiling_of(body) <= window - taken for body in served)
    )


def test_another_provider_goes_on_with_a_conversation(
    mixed, program, vendor, openai_vendor, tmp_path
) -> None:
    route = {"model": "claude-proxy-two", "provider": "openai", "upstream_model": "gpt-5.6"}
    fallback = {"fallbacks": [{"provider": "anthropic", "model": "claude-sonnet-5-5"}]}
    made = mixed.admin("POST", "/api/routes", {**route, **fallback})
    assert made.status == 200, made
    more = {"ANTHROPIC_MODEL": "claude-proxy-two", "ANTHROPIC_DEFAULT_HAIKU_MODEL": "claude-proxy-two"}
    first = run(program, tmp_path, mixed.url, mixed.token.secret, "-p", "THINK SAY one", **more)
    assert first.strip() == "one" and not vendor.seen
    with refusing(openai_vendor, lambda body: error_answer(503, "overloaded")):
        flags = ["--continue", "-p", "SAY two"]
        second = run(program, tmp_path, mixed.url, mixed.token.secret, *flags, **more)
    assert second.strip() == "two"
    [body] = [json.loads(seen.body) for seen in vendor.seen if b"SAY two" in seen.body][-1:]
    assert "SAY one" in json.dumps(body["messages"])


def test_a_full_context_is_compacted_and_the_conversation_goes_on(
    mixed, program, openai_vendor, tmp_path
) -> None:
    """The server says it in its own words, once the conversation has more than two turns."""
    refused, is_full = [], False

    def refuse(body: dict[str, Any]) -> Answer | None:
        text = json.dumps(body["messages"])
        if (
            not is_full
            or "SAY the first" not in text
            or "summary" in json.dumps(body["messages"][-1]).lower()
        ):
            return None
        refused.append(body)
        return error_answer(
            400,
            "This model's maximum context length is 40000 tokens. However, your messages resulted in 41000 tokens. "
            "Please reduce the length of the messages.",
        )

    with refusing(openai_vendor, refuse) as served:
        run(program, tmp_path, mixed.url, mixed.token.secret, "-p", "SAY the first", **MORE)
        is_full = True
        output = run(
            program, tmp_path, mixed.url, mixed.token.secret, "-p", "--continue", "SAY it goes on", **MORE
        )
    assert output.strip().endswith(
        "SAY it goes on"
    )  # what the stand-in makes of a summary and a turn behind it
    assert len(refused) == 1 and len(served) >= 3  # the first turn, the summary, the turn that goes on
