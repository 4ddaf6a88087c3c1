"""Tools and items of the Responses API that only its vendor can run or read: one rule for every other upstream.

Pure. Tools that clients offer unasked with every call are left out, and the answer tells which; any other is refused by
its name. Records of what the vendor ran are left out: the text around them says what came of it. What the client ran
itself (a shell, a patch, a screen) is told in text.
"""

from __future__ import annotations

from typing import Any

import orjson

Item = dict[str, Any]

LEFT_OUT_TOOLS = frozenset(
    ("web_search", "web_search_preview", "image_generation", "local_shell", "tool_search")
)
RECORDS = frozenset(
    (
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "tool_search_call",
        "tool_search_output",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "program",
        "program_output",
    )
)
"""Items that record what a vendor's own tools did."""
CLIENT_CALLS = frozenset(("local_shell_call", "shell_call", "apply_patch_call", "computer_call"))
CLIENT_OUTPUTS = frozenset(f"{kind}_output" for kind in CLIENT_CALLS)


def is_left_out(kind: object) -> bool:
    """Return whether a tool of this type is offered unasked: what it would have done is not missed."""
    return isinstance(kind, str) and (
        kind in LEFT_OUT_TOOLS or kind.startswith(("web_search_2", "web_search_preview_"))
    )


def client_text(item: Item) -> str:
    """Return a call that the client carried out, or what came of it, as text."""
    kind = str(item.get("type"))
    if kind in CLIENT_CALLS:
        asked = item.get("action") or item.get("operation") or {}
        return f"[{kind} {orjson.dumps(asked).decode()}]"
    output = item.get("output")
    if isinstance(output, dict) and output.get("type") == "computer_screenshot":
        return f"[{kind}: a screenshot]"
    return f"[{kind}: {output if isinstance(output, str) else orjson.dumps(output).decode()}]"
