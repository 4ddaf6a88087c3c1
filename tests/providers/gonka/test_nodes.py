"""Nodes as operators write them, and as the network lists them."""

from __future__ import annotations

from typing import Any

import pytest

from providers.gonka.nodes import Node, allowed, base, delegates, parse_endpoints, participants


@pytest.mark.parametrize("url", ["https://a", "https://a/", "https://a/v1", "https://a/v1/", " https://a// "])
def test_urls_with_or_without_version(url: str) -> None:
    assert base(url) == "https://a"
    assert base("http://h:8000/api/v1") == "http://h:8000/api"


def test_endpoints_as_the_published_package_has_them() -> None:
    text = "https://a/v1;gonka1a, http://b:8080 ; gonka1b ,"
    assert parse_endpoints(text) == (Node("https://a", "gonka1a"), Node("http://b:8080", "gonka1b"))
    assert parse_endpoints("") == ()


@pytest.mark.parametrize(
    "text",
    ["https://a", "https://a;", ";gonka1a", "a;gonka1a", "ftp://a;gonka1a", "https://u@a;gonka1a",
     "https://a?x;gonka1a", "https://a;gon ka", "https://a;gonka1a;x", "https://a:99999;gonka1a"],
)  # fmt: skip
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(ValueError, match="url;address"):
        parse_endpoints(text)


def epoch(*listed: Any, excluded: Any = ()) -> dict[str, Any]:
    return {
        "active_participants": {"participants": list(listed), "epoch_id": "7"},
        "excluded_participants": list(excluded),
    }


def test_participants_that_are_not_excluded() -> None:
    document = epoch(
        {"index": "gonka1a", "inference_url": "https://a/", "weight": "12"},
        {"index": "gonka1b", "inference_url": "https://b", "weight": 3},
        {"index": "gonka1a", "inference_url": "https://again"},
        excluded=[{"address": "gonka1b", "reason": "x"}],
    )
    assert participants(document) == [Node("https://a", "gonka1a")]
    inside = epoch({"index": "gonka1b", "inference_url": "https://b"})
    inside["active_participants"]["excluded_participants"] = [{"address": "gonka1b"}]
    assert participants(inside) == []


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"active_participants": 5}, {"active_participants": {"participants": "x"}},
     epoch(5, {}, {"index": 5, "inference_url": "https://a"}, {"index": "gonka1a", "inference_url": "file:///x"},
           {"index": "a b", "inference_url": "https://a"}, {"index": "gonka1a", "inference_url": None})],
)  # fmt: skip
def test_what_lists_nobody(document: Any) -> None:
    assert participants(document) == []


def test_no_list_of_allowed_addresses_allows_all() -> None:
    def params(listed: Any) -> dict[str, Any]:
        return {"params": {"transfer_agent_access_params": {"allowed_transfer_addresses": listed}}}

    assert allowed(params(["gonka1a", 5])) == {"gonka1a"}
    for document in (params([]), params(None), params("x"), {}, None, {"params": []}):
        assert allowed(document) == frozenset()


def test_delegates_are_other_addresses_of_a_node() -> None:
    document = {"data": {"delegate_ta": {"https://d/v1": "gonka1d", "nonsense": "gonka1e"}}}
    assert delegates(document) == ("https://d",)
    assert Node("https://a", "gonka1a").at("https://d") == Node("https://d", "gonka1a")
    for other in (None, {}, {"data": 5}, {"data": {"delegate_ta": []}}):
        assert delegates(other) == ()
