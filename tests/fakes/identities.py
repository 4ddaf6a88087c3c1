"""The places of a machine's identity on a socket: EC2's metadata (version 2 alone), a container's, Google's exchange.

They hand out one key or token after another, and refuse whoever asks in the wrong form.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any
from urllib.parse import parse_qs

from tests.fakes.clouds import Keys
from tests.fakes.server import Answer, FakeServer, Seen

ROLE = "role-of-the-machine"
SESSION = "imds-session-CANARY"
CONTAINER_TOKEN = "token-of-the-container-CANARY"
SUBJECT_TOKEN = "jwt-of-the-workload-CANARY"
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/oidc"
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
SUBJECT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
ROBOT = "robot@p.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
JSON_TYPE = ("content-type", "application/json")
LONG = 7200.0
WITH_TOKEN = ("GET", b"/latest/meta-data/iam/security-credentials/")


def keys_of(number: int) -> Keys:
    return Keys(
        f"ASIACANARY{number:010d}", f"secret-key-CANARY-{number:020d}", f"session-token-CANARY-{number}"
    )


SECRETS = (
    "secret-key-CANARY",
    "session-token-CANARY",
    "ya29.exchanged-CANARY",
    SUBJECT_TOKEN,
    CONTAINER_TOKEN,
)
"""How what no log may hold begins."""


def token_of(number: int, suffix: str = "") -> str:
    return f"ya29.exchanged-CANARY-{number}{suffix}"


class Identities(FakeServer):
    """`lives`: seconds that what is handed out next lasts; `given`: how many have been handed out; `robots`: tokens of
    the service account among them, which are given for a token of the workload.
    """

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.lives = LONG
        self.given = 0
        self.robots = 0
        self.slow_seconds = 0.0
        self.refused: list[str] = []
        self._lock = threading.Lock()

    @property
    def coming(self) -> Keys:
        """Return the keys that will be handed out next."""
        return keys_of(self.given + 1)

    @property
    def coming_token(self) -> str:
        return token_of(self.given + 1)

    @property
    def coming_robot(self) -> str:
        return token_of(self.robots + 1, "-as-robot")

    def answer(self, seen: Seen) -> Answer:
        for path, reply in (
            (b"/latest/", self.metadata),
            (b"/container", self.container),
            (b"/v1/token", self.exchange),
            (b"/v1/projects/", self.impersonate),
        ):
            if seen.path.startswith(path):
                return reply(seen)
        return self.no(f"unknown path {seen.path!r}", 404)

    def no(self, why: str, status: int = 401) -> Answer:
        self.refused.append(why)
        return Answer(status, [JSON_TYPE], [b"{}"])

    def metadata(self, seen: Seen) -> Answer:
        if seen.method == "PUT" and seen.path == b"/latest/api/token":
            if seen.get("x-aws-ec2-metadata-token-ttl-seconds") is None:
                return self.no("no life of the session")
            return Answer(200, [("content-type", "text/plain")], [SESSION.encode()])
        if (seen.get("x-aws-ec2-metadata-token") or b"").decode() != SESSION:
            return self.no("version 1 is off")
        verb, place = WITH_TOKEN
        if seen.method == verb and seen.path == place:
            return Answer(200, [("content-type", "text/plain")], [ROLE.encode()])
        if seen.method == verb and seen.path == place + ROLE.encode():
            return self.handed("Code")
        return self.no(f"unknown path {seen.path!r}", 404)

    def container(self, seen: Seen) -> Answer:
        if (seen.get("authorization") or b"").decode() != CONTAINER_TOKEN:
            return self.no("not the container's token")
        return self.handed()

    def handed(self, *more: str) -> Answer:
        """Hand out the next keys."""
        with self._lock:
            self.given += 1
            keys = keys_of(self.given)
        told = {
            "AccessKeyId": keys.access_key,
            "SecretAccessKey": keys.secret_key,
            "Token": keys.token,
            "Expiration": moment(self.lives),
            **dict.fromkeys(more, "Success"),
        }
        return Answer(200, [JSON_TYPE], [json.dumps(told).encode()], delay=self.slow_seconds)

    def exchange(self, seen: Seen) -> Answer:
        """Exchange the workload's token for one of Google's."""
        form = {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}
        wanted = {
            "grant_type": GRANT,
            "audience": AUDIENCE,
            "subject_token": SUBJECT_TOKEN,
            "subject_token_type": SUBJECT_TYPE,
        }
        if wrong := {name: form.get(name) for name, value in wanted.items() if form.get(name) != value}:
            return self.no(f"exchange: {sorted(wrong)}", 400)
        with self._lock:
            self.given += 1
        told: dict[str, Any] = {
            "access_token": token_of(self.given),
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": self.lives,
        }
        return Answer(200, [JSON_TYPE], [json.dumps(told).encode()], delay=self.slow_seconds)

    def impersonate(self, seen: Seen) -> Answer:
        """Give a service account's token to who shows an exchanged one."""
        shown = (seen.get("authorization") or b"").decode()
        if shown not in [f"Bearer {token_of(number + 1)}" for number in range(self.given)]:
            return self.no("not an exchanged token")
        if f"serviceAccounts/{ROBOT}:generateAccessToken".encode() not in seen.path:
            return self.no(f"unknown path {seen.path!r}", 404)
        with self._lock:
            self.robots += 1
        told = {"accessToken": token_of(self.robots, "-as-robot"), "expireTime": moment(self.lives)}
        return Answer(200, [JSON_TYPE], [json.dumps(told).encode()])

    def workload(self, subject_file: str, robot: str = "") -> dict[str, Any]:
        """Return the JSON of a workload identity that is exchanged here."""
        document = {
            "type": "external_account",
            "audience": AUDIENCE,
            "subject_token_type": SUBJECT_TYPE,
            "token_url": f"{self.url}/v1/token",
            "credential_source": {"file": subject_file},
        }
        if robot:
            place = f"{self.url}/v1/projects/-/serviceAccounts/{robot}:generateAccessToken"
            document["service_account_impersonation_url"] = place
        return document


def moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
