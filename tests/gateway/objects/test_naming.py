"""The objects that bodies name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.objects import naming
from providers.dialects.table import DIALECTS
from providers.dialects.types import Call


def ids(dialect: str, call: Any) -> list[str]:
    return [one.id for one in naming.named(dialect, json.dumps(call).encode())]


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


FILE = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (user(FILE), ["file_1"]),
        (user({"type": "image", "source": {"type": "file", "file_id": "file_2"}}, FILE), ["file_2", "file_1"]),
        (user({"type": "container_upload", "file_id": "file_1"}), ["file_1"]),
        (user({"type": "tool_result", "tool_use_id": "t", "content": [FILE]}), ["file_1"]),
        (user({"type": "document", "source": {"type": "content", "content": [FILE]}}), ["file_1"]),
        ({"container": "container_1"}, ["container_1"]),
        ({"container": {"id": "c_1", "skills": [{"type": "custom", "skill_id": "skill_1"}]}}, ["c_1", "skill_1"]),
        ({"container": {"skills": [{"type": "anthropic", "skill_id": "pptx"}]}}, []),
        ({"container": {"skills": [{"type": "anthropic", "skill_id": "skill_1"}]}}, ["skill_1"]),
        ({"container": None}, []),
        (user({"type": "tool_use", "id": "t", "name": "n", "input": {"file_id": "mine"}}), []),
        (user({"type": "text", "text": '"file_id": "file_1"'}), []),
        ({"messages": [{"role": "user", "content": "file_1"}]}, []),
        ({"messages": {"a": 1}, "container": 5, "system": 3}, []),
        ([], []),
    ],
)  # fmt: skip
def test_messages(call: Any, found: list[str]) -> None:
    assert ids("anthropic", call) == found


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ({"previous_response_id": "resp_1", "input": "hi"}, ["resp_1"]),
        ({"conversation": "conv_1"}, ["conv_1"]),
        ({"conversation": {"id": "conv_1"}}, ["conv_1"]),
        ({"input": [{"type": "item_reference", "id": "rs_1"}]}, ["rs_1"]),
        ({"input": [{"id": "msg_1"}]}, ["msg_1"]),
        ({"input": [{"id": "msg_1", "role": "assistant", "content": []}]}, []),
        ({"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]}, []),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}]}]}, ["file_1"]),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, ["vs_1"]),
        ({"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}, ["cntr_1"]),
        (
            {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file_1"]}}]},
            ["file_1"],
        ),
        ({"input": "hi"}, []),
    ],
)
def test_responses(call: Any, found: list[str]) -> None:
    assert ids("openai_responses", call) == found


def test_chat() -> None:
    assert ids("openai_chat", user({"type": "file", "file": {"file_id": "file_1"}})) == ["file_1"]
    assert ids("openai_chat", user({"type": "text", "text": "x"})) == []


def test_a_batch_names_what_its_calls_name() -> None:
    requests = [{"custom_id": "a", "params": {}}, {"custom_id": "b", "params": user(FILE)}, 5]
    found = naming.batch(json.dumps({"requests": requests}).encode())
    assert [(one.id, one.field) for one in found] == [
        ("file_1", "requests.1.params.messages.0.content.0.source.file_id")
    ]
    assert naming.batch(b"{") == () and naming.batch(b"[]") == ()


def test_a_key_written_with_escapes_is_found_once_a_body_is_read() -> None:
    body = json.dumps({**user(FILE), "container": "c"}).replace('"file_id"', '"file\\u005fid"').encode()
    assert [one.id for one in naming.named("anthropic", body)] == ["c", "file_1"]


def test_a_body_that_cannot_be_read_names_nothing() -> None:
    assert naming.named("anthropic", b'{"messages": [' + b"[" * 100_000) == ()


def may_name(dialect: str, call: Any, *headers: tuple[bytes, bytes]) -> bool:
    body = call if isinstance(call, bytes) else json.dumps(call).encode()
    described = DIALECTS[dialect]
    return described.names_objects(
        Call("", "POST", b"/", b"", headers, body, described.read_call(body)),
    )


def test_a_plain_call_is_not_read_again() -> None:
    assert not may_name("anthropic", user({"type": "text", "text": '"file_id"'}))
    assert may_name("anthropic", user(FILE))
    assert may_name("anthropic", {"container": "c"})
    assert may_name("anthropic", {"thread": {"type": "continue", "previous_message_id": "m"}})
    assert may_name("openai_responses", {"previous_response_id": "r"})
    assert not may_name("openai_responses", {"input": "hi"})
    assert may_name("openai_chat", user({"type": "file", "file": {"file_id": "file_1"}}))
    assert not may_name("openai_chat", user({"type": "text", "text": '"file_id"'}))
    assert not may_name("openai_chat", user({"type": "text", "text": "caf\u00e9 \u001b"}))


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai_chat", rb'{"messages": [{"content": [{"file": {"file\u005fid": "f"}}]}]}'),
        ("openai_chat", rb'{"messages": [{"content": [{"file": {"\u0066ile_id": "f"}}]}]}'),
        ("openai_responses", rb'{"previous\u005fresponse\u005Fid": "r"}'),
        ("openai_responses", rb'{"\u0063onversation": "c"}'),
        ("openai_responses", rb'{"input": [{"i\u0064": "i"}]}'),
    ],
)
def test_a_key_written_with_escapes_is_looked_for(dialect: str, body: bytes) -> None:
    assert may_name(dialect, body) and naming.named(dialect, body)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ({"prompt_cache_options": {"comparison_response_id": "r"}}, ["r"]),
        ({"prompt": {"id": "p", "variables": {"a": "x", "b": {"type": "input_file", "file_id": "f"}}}}, ["f"]),
        ({"tools": [{"type": "image_generation", "input_image_mask": {"file_id": "f"}}]}, ["f"]),
        ({"tools": [{"type": "shell", "environment": {"container_id": "c"}}]}, ["c"]),
        ({"tools": [{"type": "shell", "environment": {"file_ids": ["f", "g"]}}]}, ["f", "g"]),
        ({"tools": [5, {"environment": "x", "container": 7}]}, []),
        ({"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot", "file_id": "f"}}]},
         ["f"]),
        ({"input": [{"type": "function_call_output", "output": [{"type": "input_file", "file_id": "f"}]}]}, ["f"]),
        ({"input": [{"type": "function_call_output", "output": "text"}]}, []),
    ],
)  # fmt: skip
def test_every_place_where_the_responses_api_looks_an_object_up(call: Any, names: list[str]) -> None:
    body = json.dumps(call).encode()
    assert [one.id for one in naming.named("openai_responses", body)] == names
    assert may_name("openai_responses", call) or not names


def test_a_long_call_is_looked_through_for_who_asks_for_the_files_api() -> None:
    long = user({"type": "text", "text": "x" * 20_000}, FILE)
    escaped = json.dumps(long).replace('"file_id"', '"file\\u005fid"').encode()
    assert not may_name("anthropic", long)
    for value in (b"files-api-2025-04-14", b"a,Files-API-2025-04-14"):
        asked = (b"anthropic-beta", b"other"), (b"anthropic-beta", value)
        assert may_name("anthropic", long, *asked)
        assert may_name("anthropic", escaped, *asked)
        assert not may_name("anthropic", user({"type": "text", "text": "x" * 20_000}), *asked)
