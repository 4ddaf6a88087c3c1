"""Say what Anthropic's models are called at Bedrock and Vertex. Pure.

The ids are irregular, so these are rows; the operator's own go before them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

BEDROCK: Mapping[str, str] = {
    "claude-sonnet-4-5-20250929": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "claude-haiku-4-5-20251001": "anthropic.claude-haiku-4-5-20251001-v1:0",
    "claude-opus-4-6": "anthropic.claude-opus-4-6",
}
VERTEX: Mapping[str, str] = {
    "claude-sonnet-4-5-20250929": "claude-sonnet-4-5@20250929",
    "claude-haiku-4-5-20251001": "claude-haiku-4-5@20251001",
}
_VERSION = re.compile(r"-v\d+(?::\d+)?$")
_REGION = re.compile(r"(?:us-gov|us|eu|apac|jp|au|ca|sa|global)\.")
MESSAGES, MANTLE, INVOKE = "messages", "mantle", "invoke"


def bedrock_id(model: str, api: str) -> str:
    """Return the shipped id of a model, else its name. The Messages APIs know their models without versions."""
    shipped = BEDROCK.get(model, model)
    return _VERSION.sub("", shipped) if shipped is not model and api in (MESSAGES, MANTLE) else shipped


def api_of(api: str, model_id: str) -> str:
    """Return the API that an id is called by: those of profiles and of versions are known to InvokeModel alone."""
    if api in (MESSAGES, MANTLE, INVOKE):
        return api
    is_old = model_id.startswith("arn:") or _REGION.match(model_id) or _VERSION.search(model_id)
    return INVOKE if is_old else MESSAGES
