"""A real LiteLLM proxy as OpenAI-compatible provider: somebody else's server, with its own habits.

Its models answer from `mock_response`, so it calls nobody. It brings its own packages, apart from the
environment's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import anthropic
import httpx
import openai
import pytest

from tests.e2e.installs import litellm
from tests.ports import free_port

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

MASTER_KEY = "sk-CANARY-litellm-master-key"
SAID = "It is mocked: é 😀"
CONFIG = f"""
model_list:
  - model_name: mock-model
    litellm_params: {{model: openai/mock, api_key: none, mock_response: "{SAID}"}}
  - model_name: mock-limited
    litellm_params: {{model: openai/mock, api_key: none, mock_response: litellm.RateLimitError}}
general_settings: {{master_key: {MASTER_KEY}}}
router_settings: {{num_retries: 0}}
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return its base URL, once it answers."""
    site, home = litellm(), tmp_path_factory.mktemp("litellm")
    (home / "config.yaml").write_text(CONFIG)
    port = free_port()
    flags = ["--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(site)}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-S", "-m", "litellm.proxy.proxy_cli", *flags],
            cwd=home,
            env={**environment, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_it_lives(process, f"http://127.0.0.1:{port}/health/liveliness")
        yield f"http://127.0.0.1:{port}/v1"
    except AssertionError as error:
        raise AssertionError((home / "log").read_text(errors="replace")[-3000:]) from error
    finally:
        process.terminate()
        process.wait(20)


def wait_until_it_lives(process: subprocess.Popen, url: str, timeout: float = 300.0) -> None:
    deadline = time.monotonic() + timeout
    while True:
        assert process.poll() is None, f"exit {process.returncode}"
        assert time.monotonic() < deadline, f"not there after {timeout} s"
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)


@pytest.fixture(scope="module")
def provided(shared, proxy):
    """Give a gateway that has the proxy as provider."""
    process = shared("uvicorn", {"RETRY_ATTEMPTS": "1"})
    # It has a Responses API, but can't stream a mocked answer there.
    row = {"name": "litellm", "base_url": proxy, "api_key": MASTER_KEY, "responses": "translate"}
    assert process.admin("POST", "/api/providers", row).status == 200
    for alias, model in (
        ("mock-model", "mock-model"),
        ("mock-limited", "mock-limited"),
        ("claude-mock", "mock-model"),
    ):
        route = {"model": alias, "provider": "litellm", "upstream_model": model}
        assert process.admin("POST", "/api/routes", route).status == 200
    return process


@pytest.fixture
def chat(provided):
    with openai.OpenAI(base_url=provided.url + "/v1", api_key=provided.token.secret, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def claude(provided):
    with anthropic.Anthropic(base_url=provided.url, auth_token=provided.token.secret, max_retries=0) as sdk:
        yield sdk


HELLO = [{"role": "user", "content": "hi"}]


def test_chat(chat):
    answer = chat.chat.completions.create(model="mock-model", messages=HELLO)
    assert answer.choices[0].message.content == SAID
    assert answer.usage.total_tokens > 0


def test_chat_streamed(chat):
    chunks = list(chat.chat.completions.create(model="mock-model", messages=HELLO, stream=True))
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(texts) == SAID
    assert len([text for text in texts if text]) > 1
    assert "stop" in [chunk.choices[0].finish_reason for chunk in chunks]
    assert all(chunk.usage is None for chunk in chunks)


def test_responses(chat):
    with chat.responses.stream(model="mock-model", input="hi") as stream:
        final = stream.get_final_response()
    assert final.output_text == SAID
    assert chat.responses.create(model="mock-model", input="hi").output_text == SAID


def test_messages(claude, provided):
    answer = claude.messages.create(model="claude-mock", max_tokens=64, messages=HELLO, system="Be brief.")
    assert answer.content[0].text == SAID
    assert (answer.stop_reason, answer.model) == ("end_turn", "claude-mock")
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0


def test_messages_streamed(claude):
    tool = {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}}
    with claude.messages.stream(model="claude-mock", max_tokens=64, messages=HELLO, tools=[tool]) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert "".join(pieces) == SAID
    assert len(pieces) > 1
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens > 0


def test_its_models_are_listed(chat):
    assert {"mock-model", "claude-mock"} <= {model.id for model in chat.models.list()}


def test_its_refusal_is_ours(chat):
    with pytest.raises(openai.RateLimitError):
        chat.chat.completions.create(model="mock-limited", messages=HELLO)
