"""One call more where another credential helps, and none where it does not."""

from __future__ import annotations

import httpx

from providers.client import request_to
from providers.clouds.keyring import Keyring
from providers.clouds.sources import NoCredential, Proof
from providers.clouds.transport import NO_CREDENTIAL, ORDER, CloudTransport, Order
from providers.credentials.base import Draft
from providers.credentials.sigv4 import AwsKeys
from providers.http1.pinned_url import PinnedUrl
from providers.upstream import Credential, CredentialKind, Upstream


class Shared(httpx.AsyncBaseTransport):
    """A transport that keeps headers and bodies of what it was sent."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.sent: list[httpx.Headers] = []
        self.bodies: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.headers)
        self.bodies.append(await request.aread())
        return self.answers.pop(0)


class Source:
    def __init__(self, *proofs: Proof, same: bool = False) -> None:
        self.proofs, self.same, self.last = list(proofs), same, None

    def ready(self) -> Proof | None:
        return self.last

    def fetch(self) -> Proof:
        if not self.proofs:
            raise NoCredential("nowhere")
        self.last = self.proofs.pop(0)
        return self.last

    def is_same(self) -> bool:
        return self.same


def asked(kind: CredentialKind) -> httpx.Request:
    url = PinnedUrl(httpx.URL("http://127.0.0.1:9"))
    draft = Draft("POST", url, b"/v1/messages", [], b"{}")
    upstream = Upstream("p", "bedrock", "", "", Credential(kind, ""))
    order = Order(draft, upstream, "bedrock", "eu", is_looked_for=True)
    return request_to(url, draft.method, draft.headers, draft.body, {ORDER: order})


async def sent(shared: Shared, source: Source, kind: CredentialKind) -> httpx.Response:
    answer = await CloudTransport(shared, Keyring(lambda *_: source)).handle_async_request(asked(kind))
    await answer.aread()
    return answer


def refusal(status: int, name: str) -> httpx.Response:
    return httpx.Response(status, json={"__type": name, "message": "m"})


def keys(name: str) -> AwsKeys:
    return AwsKeys(name, "secret")


async def test_an_expired_token_of_aws_is_renewed_once() -> None:
    shared = Shared(refusal(403, "ExpiredTokenException"), httpx.Response(200, json={}))
    assert (await sent(shared, Source(keys("A"), keys("B")), CredentialKind.AWS)).status_code == 200
    shown = [one["authorization"].partition("Credential=")[2][:2] for one in shared.sent]
    assert shown == ["A/", "B/"]


async def test_keys_that_cannot_change_are_not_sent_twice() -> None:
    shared = Shared(refusal(403, "UnrecognizedClientException"))
    answer = await sent(shared, Source(keys("A"), same=True), CredentialKind.AWS)
    assert answer.status_code == 403 and answer.json()["error"]["type"] == "authentication_error"


async def test_a_token_that_google_refuses_is_renewed_once() -> None:
    shared = Shared(refusal(401, "x"), refusal(401, "x"))
    answer = await sent(shared, Source("token-one", "token-two"), CredentialKind.GOOGLE)
    assert answer.status_code == 401 and len(shared.sent) == 2
    assert shared.sent[1]["authorization"] == "Bearer token-two"


async def test_without_a_credential_nothing_is_sent() -> None:
    shared = Shared()
    answer = await sent(shared, Source(), CredentialKind.GOOGLE)
    assert (
        answer.status_code == 503 and answer.json()["error"]["message"] == NO_CREDENTIAL and not shared.sent
    )


async def test_the_clocks_difference_is_remembered() -> None:
    late = httpx.Response(
        403, json={"message": "Signature expired: too old"}, headers={"date": "Sun, 29 Nov 2026 22:00:00 GMT"}
    )
    shared = Shared(late, httpx.Response(200, json={}), httpx.Response(200, json={}))
    transport = CloudTransport(shared, Keyring(lambda *_: Source(keys("A"))), clock=lambda: 1_000_000_000.0)
    for _ in range(2):
        await transport.handle_async_request(asked(CredentialKind.AWS))
    assert [one["x-amz-date"][:8] for one in shared.sent] == ["20010909", "20261129", "20261129"]
    assert shared.bodies == [b"{}"] * 3
