"""Add to every operation of the management API's OpenAPI document the refusals that it can answer.

Derived, not declared one by one: behind the gate an operation can answer 401, with a body 415, for a row 404.
"""

from __future__ import annotations

from typing import Any

from ninja import Schema

from gateway.api.problems import MEDIA_TYPE, has_problems
from gateway.api.surfaces import ERROR

Operation = dict[str, Any]

WORDS = {
    400: "A field is wrong, or the body is no JSON; the message names the field",
    401: "No admin key, or a wrong one",
    403: "Refused to this caller: a login without the permission, or a session without its CSRF token",
    404: "There is no such row",
    413: "The body is too large",
    415: "The body does not say that it is JSON",
    429: "Five wrong keys: this address is locked out for a while",
}
CONFLICTS = {
    ("patch", "/api/tokens/{token_id}"): "The token was changed meanwhile",
    ("post", "/api/tokens/{token_id}/rotate"): "The token is revoked, or was rotated already",
    ("delete", "/api/groups/{name}"): "The group still has tokens or groups",
    ("post", "/api/people"): "There is a person with this address",
    ("patch", "/api/people/{email}"): "She is the last active admin",
    ("delete", "/api/people/{email}"): "She is the last active admin",
    ("post", "/api/alerts/channels"): "There is a channel of this name",
    ("post", "/api/accounts"): "There is an account of this name",
    ("patch", "/api/accounts/{name}"): "The environment says where this account's credential is",
    ("delete", "/api/accounts/{name}"): "The environment names this account",
}
NAMED_ELSEWHERE = {("post", "/api/tokens/revoke"), ("get", "/api/routes/test")}
"""Operations that name a row, but not in their path."""
_REFERENCE = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
_PROBLEM_REFERENCE = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
PROBLEM = {
    **ERROR,
    "required": [*ERROR["required"], "title", "status", "detail", "field"],
    "properties": {
        **ERROR["properties"],
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": ["string", "null"], "description": "The parameter or field that is wrong"},
    },
}


def with_errors(document: dict[str, Any]) -> dict[str, Any]:
    """Return the same document, with error answers on every operation behind the admin's gate."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if {"AdminAuth": []} in operation.get("security", ()):
                _add(method, path, operation)
    schemas = document["components"].setdefault("schemas", {})
    document["paths"] = _lifted(document["paths"], schemas)
    schemas.update(Error=ERROR, Problem=PROBLEM)
    return document


def _lifted(node: Any, schemas: dict[str, Any]) -> Any:
    """Return a part of the document, where a schema stands written out; its definitions go among the schemas of all."""
    if isinstance(node, list):
        return [_lifted(each, schemas) for each in node]
    if isinstance(node, type) and issubclass(node, Schema):
        node = node.model_json_schema()
    if not isinstance(node, dict):
        return node
    for name, schema in node.get("$defs", {}).items():
        schemas.setdefault(name, _lifted(schema, schemas))
    found = {name: _lifted(value, schemas) for name, value in node.items() if name != "$defs"}
    if isinstance(reference := found.get("$ref"), str):
        found["$ref"] = reference.replace("#/$defs/", "#/components/schemas/")
    return found


def _add(method: str, path: str, operation: Operation) -> None:
    statuses = {401, 403, 429}
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    if "requestBody" in operation:
        statuses |= {400, 413, 415}
    if "query" in places:
        statuses.add(400)
    if "path" in places or (method, path) in NAMED_ELSEWHERE:
        statuses.add(404)
    told = {status: WORDS[status] for status in statuses}
    if (method, path) in CONFLICTS:
        told[409] = CONFLICTS[method, path]
    content = _PROBLEM_REFERENCE if has_problems(path) else _REFERENCE
    for status, words in sorted(told.items()):
        operation["responses"].setdefault(status, {"description": words, "content": content})
