"""Clouds on a socket that verify what they get: signatures with botocore's signer, tokens, paths, bodies, headers.

One server speaks for all four: Bedrock (native Messages, Mantle, InvokeModel with frames made by the event-stream
format), Vertex, Foundry, Claude Platform on AWS. Frames are made here, by the format alone, and are read by
botocore's parser in `tests/providers/clouds/test_frames.py`.
"""

from __future__ import annotations

import base64
import datetime
import json
import struct
import zlib
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.fakes.server import Answer, FakeServer, Gate, Part, Seen
from tests.fakes.vendor import event, events, last_text, message, reply

ACCESS_KEY, SECRET_KEY = "AKIACANARY0123456789", "CANARYsecretKeyOfTheStandIn0123456789abcd"
API_KEY = "cloud-key-CANARY-0123456789"
ACCOUNT_ID = "123456789012"
ARN = f"arn:aws:bedrock:eu-central-1:{ACCOUNT_ID}:application-inference-profile/abc123"
STREAM_TYPE = "application/vnd.amazon.eventstream"
JSON_TYPE = ("content-type", "application/json")
TAKEN_HEADERS = (("x-amzn-requestid", "req-of-aws"), ("x-amzn-trace", ARN))


@dataclass
class Taken:
    """A call that was taken: which service and region it was for, and what it asked."""

    way: str  # messages, mantle, invoke, stream, count, vertex, vertex-count
    model: str
    body: dict[str, Any]
    headers: dict[str, str]
    region: str = ""
    service: str = ""
    token: str = ""


@dataclass
class Keys:
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    token: str | None = None


def frame(headers: list[tuple[str, str]], payload: bytes) -> bytes:
    """Return one frame of the event-stream format."""
    packed = b""
    for name, value in headers:
        packed += (
            bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        )
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + packed + payload
    return body + struct.pack(">I", zlib.crc32(body))


def chunk(data: dict[str, Any]) -> bytes:
    payload = json.dumps(
        {"bytes": base64.b64encode(json.dumps(data).encode()).decode(), "p": "abcdef"}
    ).encode()
    names = [(":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event")]
    return frame(names, payload)


def exception(name: str, words: str) -> bytes:
    names = [
        (":exception-type", name),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ]
    return frame(names, json.dumps({"message": words}).encode())


def frames(model: str, body: dict[str, Any]) -> list[bytes]:
    """Return the frames of a whole answer."""
    out = []
    for raw in events(model, *reply(body)):
        data = json.loads(raw.partition(b"data: ")[2])
        if data["type"] == "ping":
            continue
        if data["type"] == "message_stop":
            data["amazon-bedrock-invocationMetrics"] = {"inputTokenCount": 3, "outputTokenCount": 4}
        out.append(chunk(data))
    return out


def aws_error(status: int, name: str, words: str, *more: tuple[str, str]) -> Answer:
    headers = [JSON_TYPE, ("x-amzn-errortype", f"{name}:http://internal.amazon.com/coral/{name}/"), *more]
    return Answer(status, headers, [json.dumps({"message": words}).encode()])


def google_error(status: int, word: str, words: str) -> Answer:
    document = [{"error": {"code": status, "message": words, "status": word}}]
    return Answer(status, [JSON_TYPE], [json.dumps(document).encode()])


class Cloud(FakeServer):
    """`keys`: the AWS keys that are taken; `tokens`: bearers and API keys."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.keys = [Keys()]
        self.tokens = {API_KEY}
        self.taken: list[Taken] = []
        self.served = "as-the-cloud-calls-it"
        self.clock_offset = 0.0
        self.pause: Gate | None = None  # in the middle of the next streams
        self.refused: list[str] = []

    def reset(self) -> None:
        super().reset()
        self.keys, self.tokens, self.taken, self.refused = [Keys()], {API_KEY}, [], []
        self.clock_offset, self.pause = 0.0, None

    def answer(self, seen: Seen) -> Answer:
        answer = self.judged(seen)
        moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self.clock_offset)
        answer.headers = [*answer.headers, ("date", format_datetime(moment, usegmt=True))]
        return answer

    def judged(self, seen: Seen) -> Answer:
        service, region, token = "", "", ""
        authorization = (seen.get("authorization") or b"").decode()
        if authorization.startswith("AWS4-HMAC-SHA256"):
            problem, service, region = self.check_signature(seen, authorization)
            if problem:
                self.refused.append(problem)
                return aws_error(403, problem.partition(": ")[0], problem.partition(": ")[2])
        else:
            shown = [authorization.removeprefix("Bearer ")] if authorization else []
            shown += [value.decode() for value in seen.all("x-api-key")]
            if len(shown) != 1 or shown[0] not in self.tokens:
                self.refused.append(f"token: {shown}")
                return google_error(
                    401, "UNAUTHENTICATED", f"no such token, project projects/secret-project {shown}"
                )
            token = shown[0]
        return self.take(seen, service, region, token)

    def check_signature(self, seen: Seen, authorization: str) -> tuple[str, str, str]:
        """Sign the request again as botocore does, over what has arrived; return the problem, service and region."""
        fields = dict(
            part.strip().split("=", 1) for part in authorization.removeprefix("AWS4-HMAC-SHA256").split(",")
        )
        access_key, _, region, service, _ = fields["Credential"].split("/")
        keys = next((keys for keys in self.keys if keys.access_key == access_key), None)
        token = seen.get("x-amz-security-token")
        if keys is None or (token.decode() if token else None) != keys.token:
            return (
                "UnrecognizedClientException: The security token included in the request is invalid.",
                "",
                "",
            )
        signed = fields["SignedHeaders"].split(";")
        names = {name.lower().decode() for name, _ in seen.headers}
        lacking = [name for name in names if name.startswith("x-amz-") or name == "host"]
        if any(name not in signed for name in lacking):
            return f"InvalidSignatureException: not signed: {lacking}", "", ""
        moment = (seen.get("x-amz-date") or b"").decode()
        now = datetime.datetime.now(datetime.UTC).timestamp() + self.clock_offset
        then = datetime.datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC).timestamp()
        if abs(now - then) > 300:
            return f"InvalidSignatureException: Signature expired: {moment} is now earlier than …", "", ""
        url = f"http://{(seen.get('host') or b'').decode()}{seen.target.decode('latin-1')}"
        request = AWSRequest(seen.method, url, None, seen.body)
        for name in signed:
            for value in seen.all(name):
                request.headers[name] = value.decode("latin-1")
        request.context["timestamp"] = moment
        signer = SigV4Auth(Credentials(keys.access_key, keys.secret_key, keys.token), service, region)
        expected = signer.signature(
            signer.string_to_sign(request, signer.canonical_request(request)), request
        )
        if expected != fields["Signature"]:
            return "InvalidSignatureException: The request signature we calculated does not match", "", ""
        return "", service, region

    def take(self, seen: Seen, service: str, region: str, token: str) -> Answer:
        path = seen.path.decode("latin-1")
        body = json.loads(seen.body)
        headers = {name.lower().decode(): value.decode("latin-1") for name, value in seen.headers}
        way, model = self.way_of(path, body)
        if way == "count":
            body = json.loads(base64.b64decode(body["input"]["invokeModel"]["body"]))
        self.taken.append(Taken(way, model, body, headers, region, service, token))
        if wrong := self.wrong(way, body, headers):
            return aws_error(400, "ValidationException", wrong)
        verb, _, rest = last_text(body).strip().partition(" ")
        if verb == "REFUSE":
            status, name = rest.split()[:2]
            words = f"you are {ARN}, {rest}"
            return aws_error(int(status), name, words, ("retry-after", "1"))
        return self.told(way, body)

    def way_of(self, path: str, body: dict[str, Any]) -> tuple[str, str]:
        if path.startswith("/model/"):
            _, _, model, verb = path.split("/")
            ways = {"invoke": "invoke", "invoke-with-response-stream": "stream", "count-tokens": "count"}
            return ways[verb], unquote(model)
        if "/publishers/anthropic/models/" in path:
            name, _, verb = path.rpartition("/")[2].partition(":")
            if name == "count-tokens":
                return "vertex-count", body["model"]
            return ("vertex-stream" if verb == "streamRawPredict" else "vertex"), unquote(name)
        below = path.removeprefix("/anthropic")
        return {"/v1/messages": "messages", "/v1/messages/count_tokens": "messages-count"}[below], body[
            "model"
        ]

    def wrong(self, way: str, body: dict[str, Any], headers: dict[str, str]) -> str:
        """Return what the cloud would refuse of a body."""
        if way in ("invoke", "stream", "count"):
            if "model" in body or "stream" in body or "anthropic_version" not in body:
                return "extra inputs are not permitted"
            if body.get("anthropic_beta") == []:
                return "anthropic_beta: empty"
        if way.startswith("vertex") and "anthropic_version" not in body:
            return "anthropic_version: Field required"
        if way in ("vertex", "vertex-stream") and (
            "model" in body or body.get("stream", False) != (way != "vertex")
        ):
            return "model: extra inputs are not permitted"
        if way == "messages" and headers.get("anthropic-beta", "x") == "":
            return "empty betas"
        if "tags" in body and way != "messages":
            return "tags: extra inputs are not permitted"
        return ""

    def told(self, way: str, body: dict[str, Any]) -> Answer:
        if way == "count":
            return Answer(200, [JSON_TYPE, *TAKEN_HEADERS], [b'{"inputTokens": 42}'])
        if way in ("vertex-count", "messages-count"):
            return Answer(200, [JSON_TYPE, *TAKEN_HEADERS], [b'{"input_tokens": 42}'])
        if way == "stream":
            parts: list[Part] = list(frames(self.served, body))
            kinds = [("content-type", STREAM_TYPE), ("x-amzn-bedrock-content-type", "application/json")]
            return Answer(200, [*kinds, *TAKEN_HEADERS], self.paused(parts), framing="chunked")
        if body.get("stream"):
            verb = last_text(body).strip()
            streamed: list[Part] = list(events(self.served, *reply(body)))
            if verb == "BREAK":
                failure = {"type": "overloaded_error", "message": f"{ARN} is busy"}
                streamed = [*streamed[:3], event("error", error=failure)]
            kinds = [("content-type", "text/event-stream")]
            return Answer(200, [*kinds, *TAKEN_HEADERS], self.paused(streamed), framing="chunked")
        whole = json.dumps(message(self.served, *reply(body))).encode()
        return Answer(200, [JSON_TYPE, *TAKEN_HEADERS], [whole])

    def paused(self, parts: list[Part]) -> list[Part]:
        return parts if self.pause is None else [*parts[:3], self.pause, *parts[3:]]
