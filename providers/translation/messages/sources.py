"""Read images, documents and search results of a Messages call, for pairs that carry it to another dialect.

Pure. Every helper raises `Refused` naming the field (`messages.2.content.0.source`) for what it can't carry.
"""

from __future__ import annotations

from typing import Any

from providers.translation.common.media import real_type
from providers.translation.common.openai_upstream import refuse
from providers.translation.messages import history
from providers.translation.messages.input import blocks

Block = dict[str, Any]


def source_of(block: Block, where: str) -> Block:
    source = block.get("source")
    if not isinstance(source, dict):
        raise refuse(f"{where}.source: is required", f"{where}.source")
    return source


def refused_source(source: Block, where: str) -> Exception:
    kind = source.get("type")
    return refuse(
        f"{where}.source: a source of type {kind!r} can't be sent to this upstream", f"{where}.source"
    )


def image_url(block: Block, where: str) -> str:
    """Return an image's address: an https URL or a data URL."""
    source = source_of(block, where)
    if source.get("type") == "url":
        return str(source.get("url") or "")
    if source.get("type") == "base64":
        return data_url(source)
    raise refused_source(source, where)


def data_url(source: Block) -> str:
    """Return a source as a data URL, labelled by its first bytes: clients mislabel pictures, and vendors look."""
    data = str(source.get("data") or "")
    return f"data:{real_type(data) or source.get('media_type') or 'application/octet-stream'};base64,{data}"


def file_name(block: Block) -> str:
    title = block.get("title")
    return title if isinstance(title, str) and title else "document.pdf"


def plain_document(block: Block, where: str) -> list[Block] | None:
    """Return a document that is text or blocks, as blocks with its title before; None for a file."""
    source = source_of(block, where)
    if source.get("type") == "text":
        inner: list[Block] = [{"type": "text", "text": str(source.get("data") or "")}]
    elif source.get("type") == "content":
        inner = blocks(source.get("content"), f"{where}.source.content")
    else:
        return None
    heading = [str(block[name]) for name in ("title", "context") if block.get(name)]
    return [{"type": "text", "text": "\n".join(heading)}, *inner] if heading else inner


def search_result_text(block: Block) -> str:
    """Return a search result as text: title, source, and its passages."""
    passages = [str(part.get("text") or "") for part in blocks(block.get("content"), "content")]
    heading = [str(block[name]) for name in ("title", "source") if block.get(name)]
    return "\n".join([*heading, *passages])


def plain_text(block: Block, where: str) -> str:
    """Return a user's block, or one of a tool's result, that is text or can be told in text."""
    kind = str(block.get("type"))
    if kind == "text":
        return str(block.get("text") or "")
    if kind == "search_result":
        return search_result_text(block)
    if kind == "tool_reference":
        return f"[tool {block.get('tool_name')}]"
    if kind == "container_upload":
        return history.upload_text(block)
    if kind in history.MARKERS:
        return ""
    if kind == "compaction" or history.is_server_tool_block(kind):
        return history.said_text(block)
    raise refuse(f"{where}: a block of type {kind!r} can't be sent to this upstream", where)
