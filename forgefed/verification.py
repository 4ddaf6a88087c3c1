"""Tell who signed a request to our inbox. The cheap checks come first: nothing is fetched for a bad request."""

from __future__ import annotations

import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings

from forgefed import hosts
from forgefed.errors import BadAddress, BadKey, BadSignature, NotAllowed
from forgefed.hosts import host_of
from forgefed.reading import Document
from forgefed.remote import KnownKey, Remote
from forgefed.signing import cavage, multikey, proofs, rfc9421
from forgefed.signing.messages import Message, Signature, Window

PROOF_LIFE_SECONDS = 7 * 86_400.0
"""How old a proof may be that comes without a signature of the request. What came in is remembered for longer."""


@dataclass(frozen=True, slots=True)
class Signer:
    """The actor whose key signed."""

    actor: str
    key_id: str


def is_signed(message: Message) -> bool:
    return any(name in ("signature", "signature-input") for name, _ in message.headers)


class Verifier:
    """Verifies requests and proofs with keys that it has fetched."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def signer(self, message: Message) -> Signer:
        """Return who signed a request. Raises `BadSignature`, `NotAllowed`, `remote.Gone`."""
        window = Window(time.time(), settings.GATEWAY.FORGEFED_SIGNATURE_WINDOW_SECONDS)
        is_new = message.value("signature-input") is not None
        signature = rfc9421.read(message, window) if is_new else cavage.read(message, window)
        await self._refuse_blocked(signature.key_id)
        key = await self._remote.key(signature.key_id)
        try:
            _verify(key, signature)
        except BadSignature:
            if not key.is_remembered:
                raise
            key = await self._remote.key(signature.key_id, is_fresh=True)
            _verify(key, signature)
        await self._refuse_blocked(key.owner)
        return Signer(key.owner, signature.key_id)

    async def prover(self, document: Document, is_alone: bool) -> Signer | None:
        """Return whose proof a document carries; None without one. Raises `BadSignature`.

        `is_alone`: nothing else says who sent it, so that the proof must be young.
        """
        proof = proofs.find(document)
        if proof is None:
            return None
        method = proofs.method_of(proof)
        if is_alone and abs(time.time() - proofs.created_at(proof)) > PROOF_LIFE_SECONDS:
            raise BadSignature("the proof is too old")
        await self._refuse_blocked(method)
        key = await self._remote.key(method)
        try:
            proofs.check(document, proof, _ed25519(key))
        except BadSignature:
            if not key.is_remembered:
                raise
            key = await self._remote.key(method, is_fresh=True)
            proofs.check(document, proof, _ed25519(key))
        return Signer(key.owner, method)

    async def _refuse_blocked(self, uri: str) -> None:
        try:
            host = host_of(uri)
        except BadAddress as exc:
            raise BadSignature("the key is at no address that can be called") from exc
        if await self._remote.client.in_database(lambda: hosts.is_blocked(host)):
            raise NotAllowed(f"{host} is blocked here")


def _verify(key: KnownKey, signature: Signature) -> None:
    try:
        public = multikey.read_public(key.public)
    except BadKey as exc:
        raise BadSignature(str(exc)) from exc
    is_edwards = isinstance(public, Ed25519PublicKey)
    if ("ed25519" in signature.algorithm and not is_edwards) or ("rsa" in signature.algorithm and is_edwards):
        raise BadSignature("the key is of another kind than the algorithm")
    multikey.verify(public, signature.value, signature.base)


def _ed25519(key: KnownKey) -> Ed25519PublicKey:
    try:
        public = multikey.read_public(key.public)
    except BadKey as exc:
        raise BadSignature(str(exc)) from exc
    if not isinstance(public, Ed25519PublicKey):
        raise BadSignature("the proof's key is no Ed25519 key")
    return public
