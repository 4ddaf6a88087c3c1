"""Fuzz what strangers send to the inbox: headers that sign, documents with proofs."""

from __future__ import annotations

import contextlib

import orjson

from forgefed import reading
from forgefed.errors import BadDocument, BadSignature
from forgefed.signing import cavage, multikey, proofs, rfc9421
from forgefed.signing.canonical import canonical
from forgefed.signing.messages import Message, Window
from providers.crater.answer import comment_text, direct_text, resolvers, usage_of
from tests.forgefed.signing.keys import BODY, DIGEST, ED25519, KEY_ID, NEW_YEAR, URL

WINDOW = Window(NEW_YEAR, 300)
DATE = ("date", "Thu, 01 Jan 2026 00:00:00 GMT")
OURS = Message("POST", URL, (), BODY)
CAVAGE = dict(cavage.headers_of(OURS, ED25519, KEY_ID, NEW_YEAR))["signature"]
RFC9421 = dict(rfc9421.headers_of(OURS, ED25519, KEY_ID, NEW_YEAR))


def signature(data: bytes) -> None:
    """Read two lines as signature headers: nothing but ours may verify, nothing but `BadSignature` is raised."""
    first, _, second = data[1:].decode("latin-1").partition("\n")
    host = ("host", "tracker.example")
    with contextlib.suppress(BadSignature):
        headers = (host, DATE, ("digest", f"SHA-256={DIGEST}"), ("signature", first))
        read = cavage.read(Message("POST", URL, headers, BODY), WINDOW)
        multikey.verify(ED25519.public_key(), read.value, read.base)
        assert read.base.count(b"\n") == 3, (
            "verified, and not as we signed"
        )  # this scheme does not sign its keyId
    with contextlib.suppress(BadSignature):
        digest = ("content-digest", f"sha-256=:{DIGEST}:")
        headers = (host, digest, ("signature-input", first), ("signature", second))
        read = rfc9421.read(Message("POST", URL, headers, BODY), WINDOW)
        multikey.verify(ED25519.public_key(), read.value, read.base)
        assert (read.key_id, read.base.count(b"\n")) == (KEY_ID, 3), "verified, and not as we signed"


def document(data: bytes) -> None:
    """Read a document in every way in which one is read; what is canonical means the same."""
    try:
        read = reading.parse(data[1:])
    except BadDocument:
        return
    with contextlib.suppress(BadDocument):
        reading.required(read)
    reading.listed_keys(read)
    reading.listed_key_ids(read)
    with contextlib.suppress(BadSignature):
        written = canonical(read)
        assert canonical(orjson.loads(written)) == written
    with contextlib.suppress(BadSignature):
        proof = proofs.find(read)
        if proof is not None:
            proofs.method_of(proof)
            proofs.created_at(proof)
            proofs.check(read, proof, ED25519.public_key())
            raise AssertionError("a proof that nobody made verifies")
    direct_text(read)
    usage_of(read)
    comment_text([read], resolvers(read), "")


WORDS = {
    "signature": (
        CAVAGE.encode(),
        RFC9421["signature-input"].encode(),
        b"\n" + RFC9421["signature"].encode(),
        b"\n",
        b"sig1=",
        b'("@method" "@target-uri" "content-digest")',
        b";created=1767225600",
        b';keyid="k"',
        b';alg="ed25519"',
        b":c2ln:",
        b'keyId="k"',
        b'headers="(request-target) host date digest"',
        b'signature="c2ln"',
        b'algorithm="hs2019"',
        b",",
        b";",
        b"(",
        b")",
        b'"',
        b"=",
        b":",
        b"\\",
        b"created=1",
        b'"@query-param";name="x"',
        b" ",
        b"\t",
        b"\xff",
        b"\x00",
    ),
    "document": (
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"id"',
        b'"type"',
        b'"actor"',
        b'"proof"',
        b'"object"',
        b'"publicKey"',
        b'{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","proofPurpose":"assertionMethod",',
        b'"created":"2026-01-01",',
        b'"verificationMethod":"x",',
        b'"proofValue":"z1"}',
        b'"content"',
        b'"<p>&amp;<"',
        b'"attributedTo":"x"',
        b"1e400",
        b"-0.0",
        b"1e21",
        b"9007199254740993",
        b'"\\ud83d"',
        b'"\\u0000"',
        b"null",
        b"true",
        b"[" * 70,
        b'{"a":' * 70,
        b"\xff",
    ),
}
