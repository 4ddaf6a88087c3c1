"""RFC 9421 against an implementation that is not ours: it verifies what we sign, and we what it signs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, InvalidSignature, algorithms
from http_message_signatures.resolvers import HTTPSignatureKeyResolver

from forgefed.errors import BadSignature
from forgefed.signing import multikey, rfc9421
from forgefed.signing.messages import Message, Window
from tests.forgefed.signing.keys import BODY, ED25519, KEY_ID, rsa_key

URL = "https://tracker.example/inbox/code?x=1&y=%20"
PAIRS = [(ED25519, algorithms.ED25519), (rsa_key(), algorithms.RSA_V1_5_SHA256)]
NAMES = ("@method", "@target-uri", "@authority", "content-type", "content-digest")


@dataclass
class Request:
    """What the other library signs and verifies."""

    method: str = "POST"
    url: str = URL
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/activity+json"})


@dataclass
class OneKey(HTTPSignatureKeyResolver):
    key: object

    def resolve_private_key(self, key_id: str):
        return self.key

    def resolve_public_key(self, key_id: str):
        assert key_id == KEY_ID
        return self.key.public_key()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("key", "algorithm"), PAIRS, ids=["ed25519", "rsa"])
def test_it_verifies_what_we_sign(key, algorithm):
    now = datetime.now(UTC).timestamp()
    request = Request()
    request.headers.update(rfc9421.headers_of(Message("POST", URL, (), BODY), key, KEY_ID, now))
    verifier = HTTPMessageVerifier(signature_algorithm=algorithm, key_resolver=OneKey(key))
    [result] = verifier.verify(request, body=BODY, require_components=("@method", "@target-uri"))
    assert result.parameters["keyid"] == KEY_ID
    with pytest.raises(InvalidSignature):
        verifier.verify(request, body=b"other")
    with pytest.raises(InvalidSignature):
        verifier.verify(Request(url=URL + "1", headers=request.headers), body=BODY)


@pytest.mark.parametrize("label", ["sig1", "other"])
@pytest.mark.parametrize("has_alg", [True, False])
@pytest.mark.parametrize(("key", "algorithm"), PAIRS, ids=["ed25519", "rsa"])
def test_we_verify_what_it_signs(key, algorithm, has_alg: bool, label: str):
    request = Request()
    signer = HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=OneKey(key))
    signer.sign(
        request,
        key_id=KEY_ID,
        label=label,
        include_alg=has_alg,
        covered_component_ids=NAMES,
        body=BODY,
        nonce='a"b',
    )
    headers = tuple((name.lower(), value) for name, value in request.headers.items())
    window = Window(datetime.now(UTC).timestamp(), 300)
    read = rfc9421.read(Message("POST", URL, headers, BODY), window)
    multikey.verify(key.public_key(), read.value, read.base)
    with pytest.raises(BadSignature):
        rfc9421.read(Message("POST", URL, headers, b"other"), window)
    for changed in (Message("POST", URL + "1", headers, BODY), Message("PUT", URL, headers, BODY)):
        other = rfc9421.read(changed, window)
        with pytest.raises(BadSignature):
            multikey.verify(key.public_key(), other.value, other.base)
