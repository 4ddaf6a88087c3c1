"""Credentials as the gate hands them to methods, and vendors behind a scripted transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from gateway.payments.methods.base import Offer, Presented

OFFER = Offer("5", "usd", "acct_demo")


def presented(payload: Mapping[str, Any], details: Mapping[str, Any] | None = None) -> Presented:
    return Presented("challenge-1", OFFER, details or {}, payload)


class Vendor(httpx.AsyncBaseTransport):
    """Answers by a function, and keeps what it was asked."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer(request)
