"""The stand-in satisfies the vendor's own SDK, or everything else would be judged by a wrong fake."""

from __future__ import annotations

import openai
import pytest

from tests.e2e import openai_day
from tests.fakes.openai_strict import API_KEY, StrictOpenAi


@pytest.fixture(scope="module")
def client():
    with StrictOpenAi() as vendor:
        sdk = openai.OpenAI(base_url=vendor.url + "/v1", api_key=API_KEY, max_retries=0)
        with sdk as client:
            yield client


@pytest.mark.parametrize("step", openai_day.STEPS, ids=lambda step: step.__name__)
def test_the_sdk_spends_its_day_with_the_stand_in(client, step):
    step(client, "gpt-5.6")


@pytest.mark.parametrize("status", openai_day.REFUSALS)
def test_the_sdk_hears_its_refusals(client, status):
    openai_day.refused(client, "gpt-5.6", status)
    openai_day.refused_stream(client, "gpt-5.6", status)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_tokens": 5},
        {"thinking": {"type": "adaptive"}},
        {"stream_options": {"include_usage": True}},
        {"messages": [{"role": "tool", "tool_call_id": "call_1", "content": "42"}]},
    ],
)
def test_it_refuses_what_the_vendor_refuses(client, wrong):
    body = {"model": "gpt-5.6", "messages": [{"role": "user", "content": "hi"}], **wrong}
    with pytest.raises(openai.BadRequestError):
        client.post("/chat/completions", body=body, cast_to=object)
