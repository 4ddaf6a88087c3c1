"""Claude Code and a browser, as far as signing in goes: forms over sockets, cookies, redirects followed by hand."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.harness import GatewayProcess

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
EMAIL, PASSWORD = "ann@example.org", "pw-of-ann-0123456789"
SIGNING = {"DEVICE_POLL_SECONDS": "1"}
"""Settings: a client that waits may ask again at once."""


def add_person(gateway: GatewayProcess, email: str = EMAIL, **given: object) -> None:
    answer = gateway.admin("POST", "/api/people", {"email": email, "password": PASSWORD, **given})
    assert answer.status == 200, answer


@dataclass
class Client:
    """A client that signs in at an address, as Claude Code does. `bearer`, `refresh_token`: once it is signed in."""

    base: str
    bearer: str = ""
    refresh_token: str = ""
    code: dict[str, Any] = field(default_factory=dict)

    def post(self, path: str, **fields: str) -> httpx.Response:
        agent = {"user-agent": "claude-code/2.1.332"}
        return httpx.post(self.base + path, data=fields, headers=agent, timeout=60)

    def begin(self) -> str:
        """Return the code for the person."""
        answer = self.post("/oauth/device_authorization", surface="claude_code")
        assert answer.status_code == 200, answer.text
        self.code = answer.json()
        return str(self.code["user_code"])

    def poll(self) -> httpx.Response:
        answer = self.post("/oauth/token", grant_type=GRANT, device_code=self.code["device_code"])
        return self._kept(answer)

    def refresh(self, token: str = "") -> httpx.Response:
        presented = token or self.refresh_token
        return self._kept(self.post("/oauth/token", grant_type="refresh_token", refresh_token=presented))

    def messages(self, bearer: str = "") -> httpx.Response:
        body = {
            "model": "claude-sonnet-4-5",
            "max_tokens": 16,
            "messages": [{"role": "user", "content": "hi"}],
        }
        headers = {"authorization": f"Bearer {bearer or self.bearer}", "anthropic-version": "2023-06-01"}
        return httpx.post(f"{self.base}/v1/messages", json=body, headers=headers, timeout=60)

    def refused_within(self, seconds: float, bearer: str = "") -> httpx.Response:
        """Call until it is refused; return that answer."""
        end = time.monotonic() + seconds
        while (answer := self.messages(bearer)).status_code == 200:
            assert time.monotonic() < end, f"still served after {seconds} s"
        return answer

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code == 200:
            self.bearer, self.refresh_token = answer.json()["access_token"], answer.json()["refresh_token"]
        return answer


class Person:
    """A browser without scripts: it keeps cookies, and sends the forms of the pages it was shown."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = httpx.Client(base_url=base, timeout=60)

    def log_in(self, after: str = "/device", email: str = EMAIL) -> httpx.Response:
        return self.send("/login/", f"/login/?next={after}", username=email, password=PASSWORD, next=after)

    def approve(self, user_code: str) -> httpx.Response:
        return self.send("/device", "/device", user_code=user_code)

    def deny(self, user_code: str) -> httpx.Response:
        return self.send("/device/deny", "/device", user_code=user_code)

    def send(self, path: str, page: str, **fields: str) -> httpx.Response:
        """Send a form with the secret of the page where it stands, as a browser does from there."""
        shown = self.http.get(page)
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', shown.text)
        assert found, shown
        return self.http.post(
            path, data={"csrfmiddlewaretoken": found[1], **fields}, headers={"origin": self.base}
        )


def signed_in(gateway: GatewayProcess, person: Person) -> Client:
    """Return a client that this person has let in."""
    client = Client(gateway.url)
    answer = person.approve(client.begin())
    assert (answer.status_code, answer.headers["location"]) == (302, "/device?outcome=approved")
    answer = client.poll()
    assert answer.status_code == 200, answer.text
    return client
