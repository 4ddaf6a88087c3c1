"""The demo's stand-in speaks well enough for the SDK."""

from __future__ import annotations

import subprocess
import sys

import anthropic
import pytest

from tests.harness import LISTENING, ROOT


@pytest.fixture
def url():
    command = [sys.executable, str(ROOT / "examples" / "fake_vendor.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        port = LISTENING.search(process.stdout.readline())[1]
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def test_it_speaks_to_the_sdk(url):
    client = anthropic.Anthropic(base_url=url, api_key="sk-ant-demo-key", max_retries=0)
    ask = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hello?"}]}
    whole = client.messages.create(**ask)
    with client.messages.stream(**ask) as stream:
        streamed = stream.get_final_message()
    assert whole.content[0].text == streamed.content[0].text
    assert "hello?" in whole.content[0].text
    with pytest.raises(anthropic.NotFoundError):
        client.messages.count_tokens(model="m", messages=ask["messages"])
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**{**ask, "messages": []})
