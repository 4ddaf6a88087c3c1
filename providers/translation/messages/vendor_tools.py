"""Schemas of the tools that Anthropic names and the client runs, for upstreams that don't know them.

Pure. They come as a dated type without a schema (`bash_20250124`); Anthropic's models have learned what they take.
Another model is told: the same name, so that the client runs what comes back.
"""

from __future__ import annotations

import re
from typing import Any

Schema = dict[str, Any]


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


_PATH = _text("Path of the file or directory")
_RANGE = {
    "type": "array",
    "items": {"type": "integer"},
    "minItems": 2,
    "maxItems": 2,
    "description": "First and last line to view, from 1; -1 as the last is the file's end. Of `view`",
}


def _object(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": required}


def _command(*names: str) -> Schema:
    return {"type": "string", "enum": list(names), "description": "What to do"}


def _bash(tool: Schema) -> Schema:
    return _object(
        [],
        command=_text("The command to run. Needed unless the shell is restarted"),
        restart={"type": "boolean", "description": "True: start the shell anew"},
    )


def _editor(tool: Schema) -> Schema:
    is_old = tool["type"] in ("text_editor_20241022", "text_editor_20250124")
    commands = ("view", "create", "str_replace", "insert", *(("undo_edit",) if is_old else ()))
    return _object(
        ["command", "path"],
        command=_command(*commands),
        path=_PATH,
        view_range=_RANGE,
        file_text=_text("Content of the new file. Of `create`"),
        old_str=_text("Text to replace; it must stand in the file once. Of `str_replace`"),
        new_str=_text("Text to put in its place, or to insert. Of `str_replace` and `insert`"),
        insert_line={"type": "integer", "description": "Line behind which to insert; 0 = before the first"},
        insert_text=_text("Text to insert. Of `insert`"),
    )


def _memory(tool: Schema) -> Schema:
    return _object(
        ["command"],
        command=_command("view", "create", "str_replace", "insert", "delete", "rename"),
        path=_text("Path below /memories"),
        view_range=_RANGE,
        file_text=_text("Content of the new file. Of `create`"),
        old_str=_text("Text to replace. Of `str_replace`"),
        new_str=_text("Text to put in its place. Of `str_replace`"),
        insert_line={"type": "integer", "description": "Line behind which to insert"},
        insert_text=_text("Text to insert. Of `insert`"),
        old_path=_text("Path to rename. Of `rename`"),
        new_path=_text("Its new path. Of `rename`"),
    )


_ACTIONS = (
    "key", "type", "mouse_move", "left_click", "left_click_drag", "right_click", "middle_click", "double_click",
    "triple_click", "left_mouse_down", "left_mouse_up", "scroll", "hold_key", "wait", "screenshot",
    "cursor_position", "zoom",
)  # fmt: skip
_POINT: Schema = {"type": "array", "items": {"type": "integer"}, "description": "(x, y) in pixels"}


def _computer(tool: Schema) -> Schema:
    return _object(
        ["action"],
        action=_command(*_ACTIONS),
        coordinate=_POINT,
        start_coordinate=_POINT,
        text=_text("Text to type, or keys to press"),
        duration={"type": "number", "description": "Seconds. Of `hold_key` and `wait`"},
        scroll_direction={"type": "string", "enum": ["up", "down", "left", "right"]},
        scroll_amount={"type": "integer"},
        region={"type": "array", "items": {"type": "integer"}, "description": "(x0, y0, x1, y1). Of `zoom`"},
    )


_DATED = re.compile(r"(bash|text_editor|memory|computer)_\d{8}")
_KINDS = {
    "bash": ("bash", "Run a command in a shell that stays open between calls", _bash),
    "text_editor": ("str_replace_based_edit_tool", "View, create and edit text files", _editor),
    "memory": ("memory", "Read and write the files under /memories, which outlast the conversation", _memory),
    "computer": ("computer", "Use a screen, a mouse and a keyboard", _computer),
}


def as_function(tool: Schema) -> Schema | None:
    """Return the tool as one with a schema of its own; None when it is none that the client runs."""
    found = _DATED.fullmatch(str(tool.get("type")))
    if found is None:
        return None
    name, about, schema = _KINDS[found[1]]
    size = [tool.get("display_width_px"), tool.get("display_height_px")]
    if all(isinstance(each, int) for each in size):
        about += f" of {size[0]} by {size[1]} pixels"
    return {"name": tool.get("name") or name, "description": about, "input_schema": schema(tool)}
