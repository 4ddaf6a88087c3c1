"""Find the stored objects that a body names: what an upstream will read for whoever sends it.

Pure. Only places where an upstream looks an object up count: an id inside a tool's arguments, or in what an earlier
answer told, is text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from gateway.objects.paths import CUSTOM_SKILL
from gateway.objects.records import Kind, credit_id
from providers.dialects.mending import UNREADABLE, tolerant


class Named(msgspec.Struct, frozen=True):
    """An object that a body names, and by which field."""

    id: str
    kind: str
    field: str


_decoder = msgspec.json.Decoder()
Reader = Callable[[dict[str, Any]], Iterator[Named]]


def named(dialect: str, body: bytes) -> tuple[Named, ...]:
    """Return the objects that the body names, each once. A body that can't be read names none."""
    reader = READERS.get(dialect)
    if reader is None:
        return ()
    try:
        call = tolerant(_decoder.decode, body)
        found = {one.id: one for one in reader(call)} if isinstance(call, dict) else {}
    except (*UNREADABLE, RecursionError):
        return ()
    return tuple(found.values())


def batch(body: bytes) -> tuple[Named, ...]:
    """Return what the calls of a batch name."""
    try:
        calls = tolerant(_decoder.decode, body)
        requests = _list(calls.get("requests")) if isinstance(calls, dict) else []
        found = {
            one.id: msgspec.structs.replace(one, field=f"requests.{place}.params.{one.field}")
            for place, request in enumerate(requests)
            if isinstance(request, dict) and isinstance(request.get("params"), dict)
            for one in _of_messages(request["params"])
        }
    except (*UNREADABLE, RecursionError):
        return ()
    return tuple(found.values())


def _of_messages(call: dict[str, Any]) -> Iterator[Named]:
    yield from _of_container(call.get("container"))
    credit = call.get("fallback_credit_token")
    token = credit.get("token") if isinstance(credit, dict) else credit
    if isinstance(token, str):
        yield Named(credit_id(token), Kind.CREDIT, "fallback_credit_token")
    thread = call.get("thread")
    if isinstance(thread, dict) and isinstance(name := thread.get("previous_message_id"), str):
        yield Named(name, Kind.THREAD, "thread.previous_message_id")
    for place, message in enumerate(_list(call.get("messages"))):
        if isinstance(message, dict):
            yield from _of_blocks(message.get("content"), f"messages.{place}.content")
    yield from _of_blocks(call.get("system"), "system")


def _of_container(container: object) -> Iterator[Named]:
    if isinstance(container, str):
        yield Named(container, Kind.CONTAINER, "container")
    if not isinstance(container, dict):
        return
    if isinstance(name := container.get("id"), str):
        yield Named(name, Kind.CONTAINER, "container.id")
    for place, skill in enumerate(_list(container.get("skills"))):
        name = skill.get("skill_id") if isinstance(skill, dict) else None
        if isinstance(name, str) and (skill.get("type") != "anthropic" or name.startswith(CUSTOM_SKILL)):
            yield Named(name, Kind.SKILL, f"container.skills.{place}.skill_id")


def _of_blocks(content: object, field: str) -> Iterator[Named]:
    for place, block in enumerate(_list(content)):
        if not isinstance(block, dict):
            continue
        where = f"{field}.{place}"
        if block.get("type") == "container_upload" and isinstance(name := block.get("file_id"), str):
            yield Named(name, Kind.FILE, f"{where}.file_id")
        source = block.get("source")
        if isinstance(source, dict):
            if isinstance(name := source.get("file_id"), str):
                yield Named(name, Kind.FILE, f"{where}.source.file_id")
            yield from _of_blocks(source.get("content"), f"{where}.source.content")
        yield from _of_blocks(block.get("content"), f"{where}.content")  # of results, of whatever sort


def _of_responses(call: dict[str, Any]) -> Iterator[Named]:
    if isinstance(name := call.get("previous_response_id"), str):
        yield Named(name, Kind.RESPONSE, "previous_response_id")
    conversation = call.get("conversation")
    name = conversation.get("id") if isinstance(conversation, dict) else conversation
    if isinstance(name, str):
        yield Named(name, Kind.CONVERSATION, "conversation")
    for place, item in enumerate(_list(call.get("input"))):
        if isinstance(item, dict):
            yield from _of_item(item, f"input.{place}")
    options = call.get("prompt_cache_options")
    if isinstance(options, dict) and isinstance(name := options.get("comparison_response_id"), str):
        yield Named(name, Kind.RESPONSE, "prompt_cache_options.comparison_response_id")
    prompt = call.get("prompt")
    variables = prompt.get("variables") if isinstance(prompt, dict) else None
    for key, value in variables.items() if isinstance(variables, dict) else ():
        yield from _of_part(value, f"prompt.variables.{key}")
    for place, tool in enumerate(_list(call.get("tools"))):
        if isinstance(tool, dict):
            yield from _of_tool(tool, f"tools.{place}")


def _of_tool(tool: dict[str, Any], field: str) -> Iterator[Named]:
    for name in _list(tool.get("vector_store_ids")):
        if isinstance(name, str):
            yield Named(name, "vector_store", f"{field}.vector_store_ids")
    yield from _of_code_container(tool.get("container"), f"{field}.container")
    mask = tool.get("input_image_mask")
    if isinstance(mask, dict) and isinstance(name := mask.get("file_id"), str):
        yield Named(name, Kind.FILE, f"{field}.input_image_mask.file_id")
    place = tool.get("environment")  # of a shell
    if isinstance(place, dict):
        yield from _of_code_container(place, f"{field}.environment")
        if isinstance(name := place.get("container_id"), str):
            yield Named(name, Kind.CONTAINER, f"{field}.environment.container_id")


def _of_part(part: object, field: str) -> Iterator[Named]:
    """Find the file of an input part, or of a screenshot that a tool has made."""
    if isinstance(part, dict) and isinstance(name := part.get("file_id"), str):
        kind = str(part.get("type", ""))
        if kind.startswith("input_") or kind == "computer_screenshot":
            yield Named(name, Kind.FILE, f"{field}.file_id")


def _of_item(item: dict[str, Any], field: str) -> Iterator[Named]:
    kind, name = item.get("type"), item.get("id")
    if isinstance(name, str) and (kind == "item_reference" or (kind is None and item.get("role") is None)):
        yield Named(name, Kind.ITEM, f"{field}.id")
    for told in (item.get("content"), item.get("output")):
        for part in _list(told) or (told,):
            yield from _of_part(part, f"{field}.content")


def _of_code_container(container: object, field: str) -> Iterator[Named]:
    if isinstance(container, str):
        yield Named(container, Kind.CONTAINER, field)
    for name in _list(container.get("file_ids")) if isinstance(container, dict) else ():
        if isinstance(name, str):
            yield Named(name, Kind.FILE, f"{field}.file_ids")


def _of_chat(call: dict[str, Any]) -> Iterator[Named]:
    for place, message in enumerate(_list(call.get("messages"))):
        for part in _list(message.get("content")) if isinstance(message, dict) else ():
            told = part.get("file") if isinstance(part, dict) else None
            if isinstance(told, dict) and isinstance(name := told.get("file_id"), str):
                yield Named(name, Kind.FILE, f"messages.{place}.content.file.file_id")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


READERS: dict[str, Reader] = {
    "anthropic": _of_messages,
    "openai_responses": _of_responses,
    "openai_chat": _of_chat,
}
