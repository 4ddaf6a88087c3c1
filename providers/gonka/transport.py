"""Send calls to Gonka's nodes, or through a broker. For one event loop, over the transport that all kinds share.

A call that names no model gets the network's first. Calls to a broker, and those of the Rust router's mode, go
straight through otherwise.
"""

from __future__ import annotations

import time

import httpx

from providers.credentials.private_keys import BadPrivateKey
from providers.credentials.secp256k1 import signer
from providers.dialects.listing import read_models
from providers.dialects.toplevel import with_model
from providers.gonka import words
from providers.gonka.directory import Directory, NoNodes
from providers.gonka.tries import Explained, Plan, Tries, answer_of, bounded

PLAN = "gonka"
"""The member of a request's extensions that says what this transport is to do."""
MAX_LIST_BYTES = 4 * 1024 * 1024
LIST_SECONDS = 300.0


class GonkaTransport(httpx.AsyncBaseTransport):
    """The engine under the kind."""

    def __init__(self, shared: httpx.AsyncBaseTransport) -> None:
        self._shared = shared
        self._directories: dict[tuple[str, str], Directory] = {}
        self._models: dict[tuple[str, str], tuple[float, str]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the head of the answer, or an error in our words as if a node had given it."""
        plan: Plan | None = request.extensions.get(PLAN)
        if plan is None:
            return await self._shared.handle_async_request(request)
        try:
            if plan.needs_model:
                request = await self._with_model(request, plan)
            if not plan.is_signed:
                return await self._shared.handle_async_request(request)
            if request.method == "POST":
                signer(plan.credential.secret)
            directory = self._directory(plan)
            return await Tries(self._shared, directory, request, plan).run(await directory.nodes())
        except Explained as exc:
            return answer_of(exc.told, request)
        except NoNodes as exc:
            return answer_of(words.no_nodes(str(exc)), request)
        except BadPrivateKey as exc:
            return answer_of(words.bad_key(str(exc)), request)

    def _directory(self, plan: Plan) -> Directory:
        key = plan.source, plan.endpoints
        if key not in self._directories:
            self._directories[key] = Directory(*key)
        return self._directories[key]

    async def _with_model(self, request: httpx.Request, plan: Plan) -> httpx.Request:
        body = with_model(b"".join(request.stream), await self._first_model(request, plan))  # type: ignore[arg-type]
        headers = [pair for pair in request.headers.raw if pair[0].lower() != b"content-length"]
        return httpx.Request(
            request.method, request.url, headers=headers, stream=httpx.ByteStream(body),
            extensions=request.extensions,
        )  # fmt: skip

    async def _first_model(self, request: httpx.Request, plan: Plan) -> str:
        """Return the first model of the network's list. Raises `Explained`, `NoNodes`."""
        key, now = (plan.source, plan.endpoints), time.monotonic()
        known_at, name = self._models.get(key, (0.0, ""))
        if name and now - known_at < LIST_SECONDS:
            return name
        listing = _listing(request)
        if plan.is_signed:
            directory = self._directory(plan)
            response = await Tries(self._shared, directory, listing, plan).run(await directory.nodes())
        else:
            response = await self._shared.handle_async_request(listing)
        body = await bounded(response, MAX_LIST_BYTES)
        models = read_models(body) if response.status_code == 200 else None
        if not models:
            raise Explained(words.no_model())
        self._models[key] = now, str(models[0]["id"])
        return self._models[key][1]

    async def aclose(self) -> None:
        """Stop what looks for nodes; the shared transport is its maker's to close."""
        for directory in self._directories.values():
            await directory.aclose()


def _listing(request: httpx.Request) -> httpx.Request:
    """Return the question for the list of models, where a call would have gone."""
    target: bytes = request.extensions["target"]
    path = target.partition(b"?")[0].removesuffix(b"/chat/completions") + b"/models"
    dropped = (b"content-type", b"content-length", b"accept")
    headers = [pair for pair in request.headers.raw if pair[0].lower() not in dropped]
    return httpx.Request(
        "GET", request.url, headers=headers, stream=httpx.ByteStream(b""),
        extensions={**request.extensions, "target": path},
    )  # fmt: skip
