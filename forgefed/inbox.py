"""`POST /inbox/code`: type, size, signature, JSON, and then a 202 without a body, once what it says is written."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError

from forgefed import client, hosts, receiving
from forgefed.errors import BadAddress, BadDocument, BadSignature, NotAllowed
from forgefed.reading import DEEPEST, depth_of, id_of, required, text_of
from forgefed.remote import Gone, Remote
from forgefed.signing.messages import Message
from forgefed.verification import Signer, Verifier, is_signed
from forgefed.vocabulary import CONTEXT, MEDIA_TYPE

logger = logging.getLogger(__name__)

LARGEST_BODY_BYTES = 256 * 1024
TEXT = "text/plain; charset=utf-8"
WRONG_TYPE = "Expected request with `Content-Type: application/json`"
ZERO = b"\\u0000"  # no database keeps it
TOO_LARGE = "Failed to buffer the request body: length limit exceeded"


class Refused(Exception):
    """The answer to a request that is not taken, in plain text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


async def inbox(request: HttpRequest) -> HttpResponse:
    """Take in one activity, or say why not."""
    if request.method != "POST":
        refusal = HttpResponse(status=405, headers={"allow": "POST"})
        del refusal["content-type"]
        return refusal
    try:
        message = _message(request)
        if settings.GATEWAY.FORGEFED_ALLOW_UNSIGNED and not is_signed(message):
            return _unsigned(message.body)
        return await _signed(message)
    except Refused as refused:
        return _plain(refused.status, refused.text)
    except BadDocument as exc:
        return _json(400, {"error": "invalid_activity", "message": str(exc)})
    except BadSignature as exc:
        return _json(401, {"error": "invalid_signature", "message": str(exc)})
    except (NotAllowed, BadAddress) as exc:
        return _json(403, {"error": "not_allowed", "message": str(exc)})


def _message(request: HttpRequest) -> Message:
    """Return the request as it was signed: at the public address, whatever a proxy made of it."""
    kind = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    is_json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    if not is_json:
        raise Refused(415, WRONG_TYPE)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and int(length) > LARGEST_BODY_BYTES:
        raise Refused(413, TOO_LARGE)
    try:
        body = request.body
    except (RequestDataTooBig, UnreadablePostError) as exc:
        raise Refused(413, TOO_LARGE) from exc
    if len(body) > LARGEST_BODY_BYTES:
        raise Refused(413, TOO_LARGE)
    query = request.META.get("QUERY_STRING", "")
    url = settings.ACTOR_BASE_URL + request.path_info + (f"?{query}" if query else "")
    return Message("POST", url, tuple(_headers(request)), body)


def _headers(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the headers as they came; `host` is the public one, which is what the sender called."""
    scope = getattr(request, "scope", None)
    if scope is not None:
        pairs = [
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]
        ]
    else:
        pairs = [(name.lower(), value) for name, value in request.headers.items()]
    own = hosts.host_of(settings.ACTOR_BASE_URL)
    return [("host", own), *(pair for pair in pairs if pair[0] != "host")]


async def _signed(message: Message) -> HttpResponse:
    verifier = Verifier(Remote(client.client()))
    try:
        signer = await verifier.signer(message) if is_signed(message) else None
        document = _parsed(message.body, signer)
        prover = await verifier.prover(document, is_alone=signer is None)
    except Gone as exc:
        return _farewell(message, exc)
    came = receiving.arrival(document, _believed(document, signer, prover))
    outcome = await client.client().in_database(lambda: receiving.receive(came))
    logger.info("%s of %s: %s", came.kind, came.actor, outcome)
    return _empty()


def _parsed(body: bytes, signer: Signer | None) -> dict[str, object]:
    """Read an object. What is none and was not signed is unsigned in the first place."""
    try:
        document = _json_of(body)
        if not isinstance(document, dict):
            raise BadDocument("activity id is required")
    except (Refused, BadDocument) as exc:
        if signer is None:
            raise BadSignature("the request is not signed") from exc
        raise
    return document


def _json_of(body: bytes) -> object:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        words = "EOF while parsing a value at line 1 column 0" if not body else str(exc)
        raise Refused(400, f"Failed to parse the request body as JSON: {words}") from exc
    if depth_of(document) > DEEPEST:
        raise Refused(400, "Failed to parse the request body as JSON: recursion limit exceeded")
    if ZERO in body:
        raise Refused(400, "Failed to parse the request body as JSON: a text holds a zero byte")
    return document


def _believed(document: Mapping[str, object], signer: Signer | None, prover: Signer | None) -> str:
    """Return whose word the activity is: its proof's maker's, who may have had it forwarded, or its signer's."""
    if prover is None and signer is None:
        raise BadSignature("the request is not signed")
    _, _, actor = required(document)
    if actor not in (one.actor for one in (prover, signer) if one is not None):
        raise BadSignature("the signer and the actor are not the same")
    return actor


def _farewell(message: Message, gone: Gone) -> HttpResponse:
    """Answer a Delete of an actor that is gone already: we know nothing of it, and nothing is to be done."""
    document = _json_of(message.body)
    if isinstance(document, dict) and document.get("type") == "Delete":
        actor = text_of(document, "actor")
        if actor and actor == id_of(document.get("object")):
            return _empty()
    raise BadSignature(f"the key can't be had: {gone}")


def _unsigned(body: bytes) -> HttpResponse:
    """Answer as the Rust router does: with an Accept that nobody signed. Nothing is written."""
    document = _json_of(body)
    required(document)
    accept = {"@context": list(CONTEXT), "type": "Accept", "object": document}
    return _bytes(202, orjson.dumps(accept, option=orjson.OPT_SORT_KEYS), MEDIA_TYPE, {"accept": MEDIA_TYPE})


def _empty() -> HttpResponse:
    response = HttpResponse(status=202, headers={"content-length": "0"})
    del response["content-type"]
    return response


def _json(status: int, document: Mapping[str, str]) -> HttpResponse:
    return _bytes(status, orjson.dumps(document), "application/json", {})


def _bytes(status: int, body: bytes, kind: str, headers: Mapping[str, str]) -> HttpResponse:
    length = {"content-length": str(len(body))}
    return HttpResponse(body, status=status, content_type=kind, headers={**headers, **length})


def _plain(status: int, text: str) -> HttpResponse:
    response = _bytes(status, text.encode(), TEXT, {})
    response.is_worded = True  # type: ignore[attr-defined]  # the gateway leaves its text alone
    return response


inbox.csrf_exempt = True  # type: ignore[attr-defined]
