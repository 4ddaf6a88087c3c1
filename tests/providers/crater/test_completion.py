from __future__ import annotations

import json

from providers.crater import completion
from providers.crater.answer import ZEROS
from providers.crater.completion import Completion
from providers.crater.task import TaskFailed

DONE = Completion("chatcmpl-1", 17, "m1", 'a\n"q" é', ZEROS)


def test_a_whole_answer_is_the_references():
    assert completion.whole(DONE).decode() == (
        '{"choices":[{"finish_reason":"stop","index":0,"message":{"content":"a\\n\\"q\\" é","role":"assistant"}}],'
        '"created":17,"id":"chatcmpl-1","model":"m1","object":"chat.completion",'
        '"usage":{"completion_tokens":0,"prompt_tokens":0,"total_tokens":0}}'
    )


def test_a_stream_has_the_references_four_frames():
    frames = completion.stream(DONE).decode().split("\n\n")
    assert frames[0] == (
        'data: {"choices":[{"delta":{"role":"assistant"},"finish_reason":null,"index":0}],"created":17,'
        '"id":"chatcmpl-1","model":"m1","object":"chat.completion.chunk"}'
    )
    assert [json.loads(frame[6:])["choices"][0]["delta"] for frame in frames[:3]] == [
        {"role": "assistant"}, {"content": 'a\n"q" é'}, {},
    ]  # fmt: skip
    assert json.loads(frames[2][6:])["choices"][0]["finish_reason"] == "stop"
    assert frames[3:] == ["data: [DONE]", ""]
    assert "usage" not in completion.stream(DONE).decode()


def test_errors_and_models():
    told = completion.error(TaskFailed(504, "late"))
    assert told == b'{"error":{"message":"late","type":"forgefed_task_error"}}'
    assert json.loads(completion.models(("crater-forgefed",)))["data"][0]["owned_by"] == "crater"
