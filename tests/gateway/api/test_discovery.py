"""`GET /openapi.json`: what is paid for, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.api.discovery import document, openapi, urls
from gateway.exchange.surfaces import SURFACES, Table
from gateway.payments.methods.base import Offer
from tests.gateway.payments.building import OPTIONS
from tests.gateway.payments.test_options import GOOD

TABLE = Table(SURFACES, ("/v1/files*",))


def test_the_surfaces_that_are_paid_for() -> None:
    options = replace(OPTIONS, surfaces="openai", methods=("stripe", "test"), offer=Offer("5", "usd", "r"))
    made = document(options, TABLE)
    assert made["openapi"].startswith("3.") and made["info"]["title"] and made["info"]["version"]
    assert {"/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/images/{path}"} <= set(
        made["paths"]
    )
    assert not [path for path in made["paths"] if path.startswith(("/api", "/v1/messages", "/v1/models"))]
    for operations in made["paths"].values():
        operation = operations["post"]
        assert operation["x-payment-info"]["offers"] == [
            {"intent": "charge", "method": name, "amount": "5", "currency": "usd"}
            for name in ("stripe", "test")
        ]
        assert "402" in operation["responses"] and operation["requestBody"]["required"]
    (one,) = made["paths"]["/v1/images/{path}"]["post"]["parameters"]
    assert (one["name"], one["in"], one["required"]) == ("path", "path", True)
    assert made["paths"]["/v1/responses"]["post"]["security"] == [{"bearer": []}]


def test_other_surfaces_and_callers() -> None:
    made = document(replace(OPTIONS, methods=(), allows_anonymous=True), TABLE)
    assert {"/v1/messages", "/model/{model}/invoke", "/v1/files{path}"} <= set(made["paths"])
    assert not [path for path in made["paths"] if path.endswith(("count_tokens", "count-tokens"))]
    messages = made["paths"]["/v1/messages"]["post"]
    assert messages["security"] == [{"bearer": []}, {}]
    assert messages["x-payment-info"]["offers"][0]["method"] == "none"


def test_it_is_there_while_payments_are_asked_for(options: Any, rf: Any) -> None:
    assert urls() == []
    options(**GOOD)
    assert [str(one.pattern) for one in urls()] == ["openapi.json"]
    answer = openapi(rf.get("/openapi.json"))
    assert (answer.status_code, answer["content-type"]) == (200, "application/json")
    assert b"x-payment-info" in answer.content
    assert openapi(rf.post("/openapi.json")).status_code == 405
