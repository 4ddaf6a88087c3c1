"""An OpenID Connect issuer over a real socket. It checks what a good client sends, and misbehaves as a test says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "router", "CANARY-client-secret-of-the-issuer"
KNOWN_FAULTS = (
    "discovery-500", "discovery-html", "discovery-list", "discovery-other-issuer", "discovery-no-token-endpoint",
    "discovery-redirect", "discovery-huge", "discovery-hs256-only", "authorize-error", "authorize-other-state",
    "authorize-no-state", "authorize-no-code", "authorize-other-iss", "token-500", "token-html", "token-list",
    "token-redirect", "token-drop", "token-error", "token-no-id-token", "token-slow-forever", "jwks-500", "jwks-empty",
    "id-not-a-jwt", "id-alg-none", "id-hs256-with-the-public-key", "id-other-key", "id-unknown-kid", "id-expired",
    "id-issued-in-future", "id-no-exp", "id-other-aud", "id-more-aud", "id-other-azp", "id-other-iss", "id-no-iss",
    "id-other-nonce", "id-no-nonce", "id-no-sub", "id-no-email", "id-unverified", "id-unverified-text",
    "id-groups-number", "userinfo-other-sub",
)  # fmt: skip


@cache
def key(number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _jwk(number: int) -> dict[str, str]:
    public = key(number).public_key().public_numbers()
    numbers = {"n": public.n, "e": public.e}
    encoded = {
        name: _b64(value.to_bytes((value.bit_length() + 7) // 8, "big")) for name, value in numbers.items()
    }
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": f"key-{number}", **encoded}


@dataclass
class Refused(Exception):
    """A mistake of the client's."""

    error: str
    text: str
    status: int = 400


@dataclass
class Issuer:
    """`with Issuer() as issuer:`. `claims`: who logs in next; `fault`: what it does wrong; `mistakes`: what we did."""

    claims: dict[str, Any] = field(default_factory=dict)
    fault: str = ""
    refresh_tokens: set[str] = field(default_factory=set)
    gives_refresh_tokens: bool = False
    refresh_fault: str = ""
    signs_with: int = 1
    mistakes: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    refreshed: int = 0
    delay_seconds: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)  # of token answers
    metadata: dict[str, Any] = field(default_factory=dict)
    only_in_userinfo: frozenset[str] = frozenset()  # claims that its ID tokens leave out
    only_in_tokens: frozenset[str] = frozenset()
    asked: list[dict[str, str]] = field(default_factory=list)  # what browsers were sent with

    def __post_init__(self) -> None:
        self.claims = self.claims or {
            "sub": "s-1",
            "email": "ann@example.org",
            "email_verified": True,
            "name": "Ann",
        }
        self._codes: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer._serve(self, b"")

            def do_POST(self) -> None:
                issuer._serve(self, self.rfile.read(int(self.headers.get("content-length", 0))))

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def settings(self, **more: str) -> dict[str, str]:
        """Return the gateway's settings for this issuer."""
        return {
            "OIDC_ISSUER": self.url,
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": CLIENT_SECRET,
            **more,
        }

    # what it serves
    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        form = {name: values[-1] for name, values in parse_qs(body.decode()).items()}
        self.requests.append(parts.path)
        try:
            if parts.path.endswith("/openid-configuration"):
                self._discovery(handler)
            elif parts.path == "/jwks":
                keys = [] if self.fault == "jwks-empty" else [_jwk(self.signs_with)]
                self._json(handler, {"keys": keys}, 500 if self.fault == "jwks-500" else 200)
            elif parts.path == "/authorize":
                self._authorize(handler, query)
            elif parts.path == "/token":
                self._token(handler, form)
            elif parts.path == "/userinfo":
                sub = "somebody else" if self.fault == "userinfo-other-sub" else self.claims["sub"]
                told = {name: self.claims[name] for name in self.claims if name not in self.only_in_tokens}
                self._json(handler, {**told, "sub": sub})
            else:
                self._json(handler, {}, 404)
        except Refused as refused:
            self.mistakes.append(f"{refused.error}: {refused.text}")
            self._json(handler, {"error": refused.error, "error_description": refused.text}, refused.status)
        except ConnectionError:
            pass

    def _discovery(self, handler: BaseHTTPRequestHandler) -> None:
        told: dict[str, Any] = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
            **self.metadata,
        }
        if self.fault == "discovery-other-issuer":
            told["issuer"] = "https://evil.example"
        elif self.fault == "discovery-no-token-endpoint":
            del told["token_endpoint"]
        elif self.fault == "discovery-hs256-only":
            told["id_token_signing_alg_values_supported"] = ["HS256", "none"]
        elif self.fault == "discovery-huge":
            told["x"] = "x" * 2_000_000
        if self.fault == "discovery-html":
            self._send(handler, 200, b"<html>Welcome</html>", "text/html")
        elif self.fault == "discovery-redirect":
            self._send(handler, 302, b"", "text/plain", f"{self.url}/jwks")
        elif self.fault == "discovery-list":
            self._json(handler, [told])
        else:
            self._json(handler, told, 500 if self.fault == "discovery-500" else 200)

    def _authorize(self, handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        for name in (
            "response_type",
            "client_id",
            "redirect_uri",
            "state",
            "nonce",
            "code_challenge",
            "scope",
        ):
            if not query.get(name):
                raise Refused("invalid_request", f"{name} is missing")
        if query["code_challenge_method"] != "S256" or "openid" not in query["scope"].split():
            raise Refused("invalid_request", "no PKCE by S256, or no openid")
        if query["client_id"] != CLIENT_ID or query["response_type"] != "code":
            raise Refused("unauthorized_client", query["client_id"])
        code = secrets.token_urlsafe(16)
        with self._lock:
            self._codes[code] = query
            self.asked.append(query)
        answer = {"code": code, "state": query["state"]}
        if self.fault == "authorize-error":
            answer = {"error": "server_error", "error_description": "<b>no</b>", "state": query["state"]}
        elif self.fault == "authorize-other-state":
            answer["state"] = "another"
        elif self.fault in ("authorize-no-state", "authorize-no-code"):
            del answer[self.fault.removeprefix("authorize-no-")]
        elif self.fault == "authorize-other-iss":
            answer["iss"] = "https://evil.example"
        self._send(handler, 302, b"", "text/plain", f"{query['redirect_uri']}?{urlencode(answer)}")

    def _token(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        time.sleep(self.delay_seconds)  # its own slowness, not a wait for something
        basic = f"Basic {base64.b64encode(f'{CLIENT_ID}:{CLIENT_SECRET}'.encode()).decode()}"
        posted = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        ways = self.metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        is_basic = handler.headers.get("authorization") == basic and "client_secret_basic" in ways
        if not is_basic and not (posted and "client_secret_post" in ways):
            raise Refused("invalid_client", "wrong or no secret", 401)
        if form.get("grant_type") == "refresh_token":
            self._refresh(handler, form.get("refresh_token", ""))
            return
        with self._lock:
            asked = self._codes.pop(form.get("code", ""), None)
        if asked is None:
            raise Refused("invalid_grant", "no such code, or used before")
        verifier = form.get("code_verifier", "")
        if _b64(hashlib.sha256(verifier.encode()).digest()) != asked["code_challenge"]:
            raise Refused("invalid_grant", "PKCE does not fit")
        if form.get("redirect_uri") != asked["redirect_uri"]:
            raise Refused("invalid_grant", "another redirect_uri")
        if not self._misbehave(handler):
            answer = self._granted({"id_token": self._id_token(asked["nonce"])})
            if self.fault == "token-no-id-token":
                del answer["id_token"]
            self._json(handler, answer)

    def _refresh(self, handler: BaseHTTPRequestHandler, token: str) -> None:
        with self._lock:
            self.refreshed += 1
            if self.refresh_fault == "drop":
                raise ConnectionError
            if self.refresh_fault:
                status = 500 if self.refresh_fault == "server_error" else 400
                raise Refused(self.refresh_fault, "as the test says", status)
            if token not in self.refresh_tokens:
                raise Refused("invalid_grant", "used before, or ended")
            self.refresh_tokens.discard(token)
            answer = self._granted({})
        self._json(handler, answer)

    def _granted(self, more: dict[str, Any]) -> dict[str, Any]:
        answer = {"access_token": secrets.token_urlsafe(8), "token_type": "Bearer", "expires_in": 300, **more}
        if self.gives_refresh_tokens:
            answer["refresh_token"] = f"CANARY-issuer-{secrets.token_urlsafe(16)}"
            self.refresh_tokens.add(answer["refresh_token"])
        return {**answer, **self.extra}

    def _misbehave(self, handler: BaseHTTPRequestHandler) -> bool:
        if self.fault == "token-error":
            raise Refused("invalid_grant", "as the test says")
        if self.fault == "token-drop":
            raise ConnectionError
        if self.fault == "token-slow-forever":
            handler.send_response(200)
            handler.send_header("content-length", "1000000")
            handler.end_headers()
            for _ in range(300):  # a byte now and then, longer than anybody waits
                handler.wfile.write(b" ")
                handler.wfile.flush()
                time.sleep(0.1)
            return True
        answers = {
            "token-500": (500, b"oops", ""),
            "token-html": (200, b"<html>", ""),
            "token-list": (200, b"[1]", ""),
            "token-redirect": (307, b"", f"{self.url}/elsewhere"),
        }
        if self.fault in answers:
            status, body, location = answers[self.fault]
            self._send(handler, status, body, "application/json", location)
            return True
        return False

    def _id_token(self, nonce: str) -> str:
        now, fault = int(time.time()), self.fault.removeprefix("id-")
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.claims,
        }
        changes: dict[str, dict[str, Any]] = {
            "expired": {"iat": now - 7200, "exp": now - 3600},
            "issued-in-future": {"iat": now + 3600, "exp": now + 7200},
            "other-aud": {"aud": "another-client"},
            "more-aud": {"aud": [CLIENT_ID, "another-client"]},
            "other-azp": {"azp": "another-client"},
            "other-iss": {"iss": "https://evil.example"},
            "other-nonce": {"nonce": "another"},
            "unverified": {"email_verified": False},
            "unverified-text": {"email_verified": "false"},
            "groups-number": {"groups": 7},
        }
        claims |= changes.get(fault, {})
        for name in self.only_in_userinfo:
            claims.pop(name, None)
        if self.fault.startswith("id-no-"):
            claims.pop(fault.removeprefix("no-"), None)
        if self.fault in ("id-no-email", "userinfo-other-sub"):
            claims.pop("email", None)
            if self.fault == "id-no-email":
                self.claims.pop("email", None)
        return self._signed(claims, fault)

    def _signed(self, claims: dict[str, Any], fault: str) -> str:
        kid = {"kid": "nobody's" if fault == "unknown-kid" else f"key-{self.signs_with}"}
        if fault == "not-a-jwt":
            return "not a token"
        if fault == "alg-none":
            return jwt.encode(claims, None, algorithm="none", headers=kid)
        if fault == "hs256-with-the-public-key":
            shape = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            pem = key(self.signs_with).public_key().public_bytes(*shape)
            head = _b64(json.dumps({"alg": "HS256", "typ": "JWT", **kid}).encode())
            signed = f"{head}.{_b64(json.dumps(claims).encode())}"
            return (
                f"{signed}.{_b64(hmac.digest(pem, signed.encode(), 'sha256'))}"  # the old confusion of keys
            )
        number = 9 if fault == "other-key" else self.signs_with
        return jwt.encode(claims, key(number), algorithm="RS256", headers=kid)

    # how it answers
    def _json(self, handler: BaseHTTPRequestHandler, body: Any, status: int = 200) -> None:
        self._send(handler, status, json.dumps(body).encode(), "application/json")

    def _send(
        self, handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str, location: str = ""
    ) -> None:
        handler.send_response(status)
        for name, value in (
            ("content-type", kind),
            ("content-length", str(len(body))),
            ("location", location),
        ):
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
