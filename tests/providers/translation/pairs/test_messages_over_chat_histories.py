"""Histories as clients keep them, over upstreams of another dialect: one table for every pair and what it must send."""

# ruff: noqa: E501 - a case is a line

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.translation.openai_exchanges import sent
from tests.providers.translation.pairs.reading import calls_and_results, texts

CHAT, RESPONSES = "messages_over_chat", "messages_over_responses"
PAIRS = (CHAT, RESPONSES)
LINE = "x-anthropic-billing-header: cc_version=2.1; cch=1;"
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}

Json = dict[str, Any]


def use(*numbers: int) -> list[Json]:
    return [{"type": "tool_use", "id": f"t{n}", "name": "f", "input": {"n": n}} for n in numbers]


def result(number: int, text: str = "") -> Json:
    return {"type": "tool_result", "tool_use_id": f"t{number}", "content": text or f"r{number}"}


def user(*content: Json | str) -> Json:
    blocks = [{"type": "text", "text": each} if isinstance(each, str) else each for each in content]
    return {"role": "user", "content": blocks}


def assistant(*content: Json) -> Json:
    return {"role": "assistant", "content": list(content)}


def asked(pair: str, *messages: Json, **fields: Any) -> Json:
    body = {"model": "m", "max_tokens": 9, "messages": list(messages), **fields}
    return sent(pair, body)


ROUNDS: dict[str, list[Json]] = {
    "results one per message": [assistant(*use(1, 2)), user(result(1)), user(result(2))],
    "three of them, in another order": [assistant(*use(1, 2, 3)), user(result(3)), user(result(1)), user(result(2))],
    "all in one message, in another order": [assistant(*use(1, 2, 3)), user(result(2), result(3), result(1))],
    "calls over several messages": [assistant(*use(1)), assistant(*use(2)), user(result(1), result(2))],
    "both": [assistant(*use(1)), assistant(*use(2)), user(result(2)), user(result(1))],
    "text between the results": [assistant(*use(1, 2)), user(result(1)), user("hm"), user(result(2))],
    "text before the results": [assistant(*use(1, 2)), user("hm", result(2), result(1))],
    "a system message between": [
        assistant(*use(1, 2)), {"role": "system", "content": "s"}, user(result(1), result(2)),
    ],
    "a late result": [assistant(*use(1, 2)), user(result(1)), assistant({"type": "text", "text": "x"}), user(result(2))],
    "an id used twice": [
        assistant(*use(1)), user(result(1, "first")), assistant(*use(1)), user(result(1, "second")),
    ],
}  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", ROUNDS)
def test_every_result_stands_behind_its_call(pair: str, name: str) -> None:
    told = calls_and_results(asked(pair, user("go"), *ROUNDS[name], user("on")))
    calls = [each for each in told if each[0] == "call"]
    results = [each for each in told if each[0] == "result"]
    assert sorted(each[1] for each in calls) == sorted(
        each[1] for each in results
    ) and "no result" not in str(results)
    waiting: list[str] = []
    for kind, call_id, _ in told:  # nothing stands between the calls and the results of a turn
        if kind == "call":
            waiting.append(call_id)
        elif kind == "result":
            waiting.remove(call_id)
        else:
            assert not waiting
    if name == "an id used twice":
        assert [each[2] for each in results] == ["first", "second"]


@pytest.mark.parametrize("pair", PAIRS)
def test_consecutive_messages_of_one_role_are_one_turn(pair: str) -> None:
    told = asked(
        pair,
        user("a"),
        assistant({"type": "text", "text": "b"}),
        assistant({"type": "text", "text": "c"}),
        user("d"),
    )
    assert "".join(texts(told)) == "ab\n\ncd"


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(
    "system",
    [
        f"{LINE}\nYou are X.",
        f"{LINE}\r\nYou are X.",
        f"{LINE}\n\nYou are X.",
        f"You are X.\n{LINE}",
        [{"type": "text", "text": f"{LINE}\nYou are X."}],
        [{"type": "text", "text": LINE}, {"type": "text", "text": "You are X."}],
        [{"type": "text", "text": "You are X."}, {"type": "text", "text": f"  {LINE}"}],
    ],
)
def test_only_the_attribution_line_goes(pair: str, system: Any) -> None:
    told = asked(pair, user("hi"), system=system)
    prompt = told["messages"][0]["content"] if pair == CHAT else told["instructions"]
    assert prompt.strip() == "You are X."


FOREIGN: list[tuple[Json, str]] = [
    ({"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}, ""),
    ({"type": "container_upload", "file_id": "file_1"}, "[uploaded file file_1]"),
    ({"type": "compaction", "content": None}, ""),
    ({"type": "web_search_tool_result", "content": [{"type": "x", "title": "T", "encrypted_content": "E"}]}, "[result: T]"),
    ({"type": "advisor_tool_result", "content": {"type": "advisor_result", "text": "do it"}}, "[result: do it]"),
    ({"type": "advisor_tool_result", "content": {"type": "advisor_redacted_result", "encrypted_content": "E"}}, "[no readable result]"),
    ({"type": "browser_click", "text": "ok"}, "[browser_click: ok]"),
    ({"type": "hologram"}, "[hologram]"),
]  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(("block", "text"), FOREIGN)
def test_no_block_of_an_assistant_s_refuses_the_conversation(pair: str, block: Json, text: str) -> None:
    said = {"type": "text", "text": "Well."}
    assert "".join(texts(asked(pair, user("a"), assistant(block, said), user("b")))) == f"a{text}Well.b"


@pytest.mark.parametrize("pair", PAIRS)
def test_an_image_of_an_assistant_s_follows_as_the_user_s(pair: str) -> None:
    told = asked(pair, user("a"), assistant({"type": "image", "source": PNG}, *use(1)), user(result(1), "b"))
    last = told["messages"][-1] if pair == CHAT else told["input"][-1]
    assert last["role"] == "user" and "image" in last["content"][0]["type"]
    assert last["content"][1]["text"] == "b"


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("summary", ["SUMMARY", [{"type": "text", "text": "SUMMARY"}]])
def test_a_compaction_stands_for_all_before_it(pair: str, summary: Any) -> None:
    old = [user("old"), assistant(*use(1)), user(result(1))]
    compacted = assistant({"type": "compaction", "content": summary}, {"type": "text", "text": "Well."})
    told = asked(pair, *old, compacted, user("new"), system="S")
    assert "".join(texts(told)).replace("S", "", 1 if pair == CHAT else 0) == (
        "[Summary of the conversation so far]\nSUMMARYWell.new"
    )
    assert calls_and_results(told) == [("text", "", "")] * len(texts(told))


VENDOR_TOOLS = [
    ({"type": "bash_20250124", "name": "bash"}, "bash", "command"),
    ({"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}, "str_replace_based_edit_tool", "old_str"),
    ({"type": "text_editor_20250124", "name": "str_replace_editor"}, "str_replace_editor", "view_range"),
    ({"type": "memory_20250818", "name": "memory"}, "memory", "new_path"),
    ({"type": "computer_20251124", "name": "computer", "display_width_px": 8, "display_height_px": 9}, "computer", "coordinate"),
]  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(("tool", "name", "member"), VENDOR_TOOLS)
def test_tools_that_the_client_runs_are_functions(pair: str, tool: Json, name: str, member: str) -> None:
    offered = asked(pair, user("a"), tools=[tool])["tools"][0]
    function = offered["function"] if pair == CHAT else offered
    assert function["name"] == name and function["description"]
    assert function["parameters"]["type"] == "object" and member in function["parameters"]["properties"]
