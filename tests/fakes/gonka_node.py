"""A stand-in for nodes of Gonka: it verifies every signature with a library that is not ours, and lists its network.

Behind the signature it is the strict server of Chat Completions. `refuse(...)`, `drop()` and `lag(...)` say how it
fails the next calls for inference; everything else it goes on answering.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import ecdsa
from ecdsa.util import sigdecode_string

from tests.fakes.openai_strict import StrictOpenAi
from tests.fakes.server import CUT, Answer, Seen

JSON = ("content-type", "application/json")
KEY = hashlib.sha256(b"CANARY: the requester's private key").hexdigest()
MODEL = "MiniMaxAI/MiniMax-M2.7"
INFERENCE = b"/v1/chat/completions"
WINDOW_SECONDS = 60.0
HALF_ORDER = ecdsa.SECP256k1.order // 2
Fault = Callable[[Seen], Answer]


def verifying_key(private_key: str) -> ecdsa.VerifyingKey:
    return ecdsa.SigningKey.from_string(bytes.fromhex(private_key), ecdsa.SECP256k1).verifying_key


def said(status: int, message: str, *more: tuple[str, str]) -> Answer:
    """Return an error as a node words it."""
    return Answer(status, [JSON, *more], [json.dumps({"message": message}).encode()], reason="Said")


class GonkaNode(StrictOpenAi):
    """One node. `published`: the public keys of requesters by their addresses."""

    def __init__(
        self,
        address: str,
        published: dict[str, ecdsa.VerifyingKey],
        models: Sequence[str] = (MODEL, "moonshotai/Kimi-K2.6"),
    ) -> None:
        super().__init__(has_responses=False, models=tuple(models))
        self.address = address
        self.published = published
        self.network: list[GonkaNode] = [self]
        self.excluded: list[str] = []
        self.allowed: list[str] | None = []
        self.delegates: dict[str, str] = {}
        self.verified: list[Seen] = []
        self._used: set[str] = set()
        self._faults: deque[Fault] = deque()

    # driven by the test
    def refuse(self, status: int, message: str = "no", times: int = 1, *more: tuple[str, str]) -> None:
        self._faults.extend([lambda seen: said(status, message, *more)] * times)

    def forgive(self) -> None:
        """Forget the faults that are still to come."""
        self._faults.clear()

    def drop(self, times: int = 1) -> None:
        self._faults.extend([lambda seen: Answer(raw_head=b"", parts=[CUT], framing="none")] * times)

    def lag(self, seconds: float) -> None:
        self._faults.append(lambda seen: Answer(delay=seconds))

    def play(self, *faults: Fault) -> None:
        self._faults.extend(faults)

    def reset(self) -> None:
        super().reset()
        self.verified.clear()
        self._faults.clear()

    @property
    def calls(self) -> list[Seen]:
        """Return the calls for inference."""
        return [seen for seen in self.seen if seen.path == INFERENCE]

    # answering
    def answer(self, seen: Seen) -> Answer:
        if seen.method == "GET":
            return self._told(seen.path.decode())
        if self._faults:
            return self._faults.popleft()(seen)
        if (problem := self.problem_of(seen)) is not None:
            return problem
        self.verified.append(seen)
        seen.headers = [*seen.headers, (b"x-stand-in", b"1")]
        return self.served(seen)

    def served(self, seen: Seen) -> Answer:
        """Answer a request, whoever has signed it."""
        own = [(name, value) for name, value in seen.headers if name.lower() != b"authorization"]
        asked = Seen(
            seen.method, seen.target, seen.version, [*own, (b"authorization", b"Bearer " + self.credential.encode())],
            seen.connection, seen.at, seen.body,
        )  # fmt: skip
        return super().answer(asked)

    def _told(self, path: str) -> Answer:
        documents: dict[str, Any] = {
            "/v1/epochs/current/participants": {
                "active_participants": {
                    "participants": [
                        {"index": node.address, "inference_url": node.url, "weight": "10"}
                        for node in self.network
                    ],
                    "epoch_id": "7",
                },
                "excluded_participants": [{"address": one, "reason": "test"} for one in self.excluded],
            },
            "/v1/identity": {"data": {"delegate_ta": self.delegates}},
            "/v1/models": {"object": "list", "data": [{"id": one, "object": "model"} for one in self.models]},
        }
        if self.allowed is not None:
            access = {"transfer_agent_access_params": {"allowed_transfer_addresses": self.allowed}}
            documents["/chain-api/productscience/inference/inference/params"] = {"params": access}
        if path not in documents:
            return said(404, "Not Found")
        return Answer(200, [JSON], [json.dumps(documents[path]).encode()])

    def problem_of(self, seen: Seen) -> Answer | None:
        """Verify a request as the network does, and that nothing of ours stands beside."""
        names = {name.decode().lower() for name, _ in seen.headers}
        if strange := names - {
            "host", "content-length", "content-type", "authorization", "x-requester-address", "x-timestamp",
        }:  # fmt: skip
            return said(400, f"strange headers: {sorted(strange)}")
        requester = (seen.get("x-requester-address") or b"").decode()
        stamp = (seen.get("x-timestamp") or b"").decode()
        signature = (seen.get("authorization") or b"").decode()
        if requester not in self.published:
            return said(404, f"Inference participant not found: {requester}")
        if len(stamp) != 19 or len(signature) != 88:
            return said(400, f"malformed: {stamp} {signature}")
        age = time.time() - int(stamp) / 1e9
        if abs(age) > WINDOW_SECONDS:
            return said(400, f"Request timestamp is {'too old' if age > 0 else 'in the future'}")
        if signature in self._used:
            return said(400, "AuthKey has already been used")
        self._used.add(signature)
        digest = hashlib.sha256(
            (hashlib.sha256(seen.body).hexdigest() + stamp + self.address).encode()
        ).digest()
        raw = base64.b64decode(signature, validate=True)
        try:
            self.published[requester].verify_digest(raw, digest, sigdecode=sigdecode_string)
        except ecdsa.BadSignatureError:
            return said(401, "Unable to validate request against PubKey:invalid signature")
        if int.from_bytes(raw[32:], "big") > HALF_ORDER:
            return said(401, "Unable to validate request against PubKey:high s")
        return None


def join(*nodes: GonkaNode) -> None:
    """Make one network of nodes: each lists all."""
    for node in nodes:
        node.network = list(nodes)
