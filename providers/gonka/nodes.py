"""Nodes of Gonka: their addresses as operators write them, and as the network lists them.

Pure. What the network lists was written by its participants: nothing of it is believed but its shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

VERSION = "/v1"
_ADDRESS = re.compile(r"[A-Za-z0-9._:-]{1,128}")
MOST_NODES = 1024


@dataclass(frozen=True, slots=True)
class Node:
    """A node that takes requests. `url` is without `/v1`; `address` is signed, whoever answers at the URL."""

    url: str
    address: str

    def at(self, url: str) -> Node:
        """Return the node as it is reached through a delegate."""
        return Node(url, self.address)


def base(url: str) -> str:
    """Return a URL without trailing slashes and without `/v1`."""
    return url.strip().rstrip("/").removesuffix(VERSION).rstrip("/")


def parse_endpoints(text: str) -> tuple[Node, ...]:
    """Return the nodes of `url;address,url;address`. Raises `ValueError`."""
    nodes = []
    for item in text.split(","):
        if not item.strip():
            continue
        url, semicolon, address = item.partition(";")
        if not semicolon or not _is_url(url.strip()) or not _ADDRESS.fullmatch(address.strip()):
            raise ValueError("nodes are written url;address,url;address, with http(s) URLs")
        nodes.append(Node(base(url), address.strip()))
    return tuple(nodes)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    if parts.query or parts.fragment or "@" in parts.netloc or not text.isascii() or not text.isprintable():
        return False
    is_plain = " " not in text and "\\" not in text
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and is_plain


def participants(document: object) -> list[Node]:
    """Return the participants of an epoch, without those that are excluded from it."""
    if not isinstance(document, dict):
        return []
    active = document.get("active_participants")
    excluded = {
        one.get("address")
        for holder in (document, active)
        if isinstance(holder, dict)
        for one in _objects(holder.get("excluded_participants"))
    }
    nodes: dict[str, Node] = {}
    for one in _objects(active.get("participants") if isinstance(active, dict) else None):
        url, address = one.get("inference_url"), one.get("index")
        if not isinstance(url, str) or not isinstance(address, str) or address in excluded:
            continue
        if _is_url(url.strip()) and _ADDRESS.fullmatch(address):
            nodes.setdefault(address, Node(base(url), address))
    return list(nodes.values())[:MOST_NODES]


def allowed(document: object) -> frozenset[str]:
    """Return the addresses that may be signed for; empty: every one."""
    found: Any = document
    for name in ("params", "transfer_agent_access_params", "allowed_transfer_addresses"):
        found = found.get(name) if isinstance(found, dict) else None
    return frozenset(one for one in found if isinstance(one, str)) if isinstance(found, list) else frozenset()


def delegates(document: object) -> tuple[str, ...]:
    """Return the URLs at which a node wants to be called in place of its own."""
    data = document.get("data") if isinstance(document, dict) else None
    listed = data.get("delegate_ta") if isinstance(data, dict) else None
    if not isinstance(listed, Mapping):
        return ()
    return tuple(base(url) for url in listed if isinstance(url, str) and _is_url(url.strip()))


def _objects(value: object) -> Iterable[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
