"""Another server on a real socket: an actor with keys, its inbox, and signed posts to ours."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from django.http import HttpResponse
from django.test import Client

from forgefed.signing import cavage, multikey, proofs, rfc9421
from forgefed.signing.messages import Message
from tests.fakes.server import Answer, FakeServer, Seen
from tests.forgefed.recorded import BASE
from tests.forgefed.signing.keys import rsa_key

CONTEXT = "https://www.w3.org/ns/activitystreams"
TYPE = "application/activity+json"
OURS = f"{BASE}/actor/code"
SCHEMES = {"cavage": cavage.headers_of, "rfc9421": rfc9421.headers_of}


class Peer:
    """`with Peer() as peer`: serves its actor at `peer.id`; what is posted to its inbox stands in `came`."""

    def __init__(self, name: str = "alice") -> None:
        self.server = FakeServer(self._answer)
        self.name = name
        self.key: RSAPrivateKey | Ed25519PrivateKey = rsa_key()
        self.edwards = Ed25519PrivateKey.generate()
        self.documents: dict[str, Any] = {}  # path → document or Answer, before the actor's own
        self.inbox_answer = Answer(202)
        self.came: list[Seen] = []

    def __enter__(self) -> Peer:
        self.server.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self.server.__exit__(*exc)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def id(self) -> str:
        return f"{self.base}/u/{self.name}"

    @property
    def key_id(self) -> str:
        return f"{self.id}#main-key"

    def document(self) -> dict[str, Any]:
        return {
            "@context": [CONTEXT, "https://w3id.org/security/v1"],
            "id": self.id,
            "type": "Person",
            "preferredUsername": self.name,
            "inbox": f"{self.id}/inbox",
            "outbox": f"{self.id}/outbox",
            "publicKey": {
                "id": self.key_id,
                "owner": self.id,
                "publicKeyPem": multikey.public_pem(self.key.public_key()),
            },
            "assertionMethod": [
                {
                    "id": f"{self.id}#ed25519-key",
                    "type": "Multikey",
                    "controller": self.id,
                    "publicKeyMultibase": multikey.multikey(self.edwards.public_key()),
                }
            ],
        }

    def _answer(self, seen: Seen) -> Answer:
        path = seen.path.decode()
        if seen.method == "POST":
            self.came.append(seen)
            return self.inbox_answer
        given = self.documents.get(path, self.document() if path == f"/u/{self.name}" else Answer(404))
        return given if isinstance(given, Answer) else shown(given)

    def fetched(self) -> int:
        """Return how often the actor was fetched."""
        return sum(seen.method == "GET" for seen in self.server.seen)

    def said(self) -> list[dict[str, Any]]:
        """Return the activities that came to the inbox."""
        return [json.loads(seen.body) for seen in self.came]

    def activity(self, kind: str = "Follow", obj: Any = OURS, **more: Any) -> dict[str, Any]:
        own = {"id": f"{self.base}/a/{uuid.uuid4()}", "type": kind, "actor": self.id, "object": obj}
        return {"@context": CONTEXT, **own, **more}

    def headers(
        self, body: bytes, scheme: str = "cavage", now: float | None = None, **more: Any
    ) -> dict[str, str]:
        message = Message("POST", more.get("url", f"{BASE}/inbox/code"), (), body)
        now = time.time() if now is None else now
        signed = SCHEMES[scheme](message, more.get("key", self.key), more.get("key_id", self.key_id), now)
        return {"content-type": TYPE, **dict(signed)}

    def post(self, client: Client, activity: Any, scheme: str = "cavage", **more: Any) -> HttpResponse:
        body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
        return send(client, body, {**self.headers(body, scheme, **more), **more.get("headers", {})})

    def proven(self, activity: dict[str, Any], created: str = "") -> dict[str, Any]:
        created = created or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return proofs.add(activity, self.edwards, f"{self.id}#ed25519-key", created)


def shown(document: Any, kind: str = TYPE) -> Answer:
    """Return an answer with a document."""
    return Answer(headers=[("content-type", kind)], parts=[json.dumps(document).encode()])


def send(client: Client, body: bytes, headers: dict[str, str]) -> HttpResponse:
    """Post to our inbox, with the headers as they are."""
    kind = headers.get("content-type", "")
    others = {name: value for name, value in headers.items() if name != "content-type"}
    return client.post("/inbox/code", body, content_type=kind, headers=others, CONTENT_TYPE=kind)
