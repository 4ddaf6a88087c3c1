"""A gateway with something of everything that pages show, named with the worst that names may be."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode

from tests.e2e.calls import ask_body
from tests.fakes.vendor import Vendor, json_answer
from tests.harness import GatewayProcess, Token, token_id

EVIL = '<img src=x onerror="window.owned=1">\'"><script>window.owned=1</script>'
"""Where it is markup, `owned` is there, or the policy complains."""
SETTINGS = {"EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8"}
"""An alert may go to this machine."""
PASSWORD = "a long pass phrase of theirs"
GROUP = EVIL.partition("<script>")[0]
"""Without a slash: groups are named in paths."""
ROLES = ("viewer", "operator", "admin", "developer")
ALICE = "alice@example.org"


@dataclass
class Furnished:
    """What pages are asked for by name."""

    token: Token
    call: str = ""
    failed: str = ""
    more: dict[str, str] = field(default_factory=dict)


def send(gateway: GatewayProcess, method: str, path: str, **body: Any) -> Any:
    answer = gateway.admin(method, path, body)
    assert answer.status in (200, 201), (path, answer)
    return answer.json()


def furnish(gateway: GatewayProcess, vendor: Vendor) -> Furnished:
    """Fill it, over its API and by calls."""
    send(gateway, "POST", "/api/groups", name=GROUP, member_budget="20", member_budget_period="month")
    send(gateway, "POST", "/api/people", email=ALICE, name=EVIL[:150], password=PASSWORD, groups=[GROUP])
    for role in ROLES:
        send(gateway, "POST", "/api/people", email=f"{role}@example.org", password=PASSWORD, role=role)
    send(gateway, "POST", "/api/prices", model="claude-sonnet-*", input="3", output="15")
    send(
        gateway,
        "POST",
        "/api/providers",
        name="dead",
        base_url="http://127.0.0.1:1/v1",
        models=["gone", EVIL],
    )
    send(gateway, "POST", "/api/routes", model=f"team-{EVIL}"[:200], provider="dead", upstream_model=EVIL)
    send(
        gateway,
        "POST",
        "/api/accounts",
        name="spare",
        source="api_key",
        secret="sk-ant-api03-spare",
        weight=2,
    )
    send(gateway, "POST", "/api/accounts/spare/pause")
    send(gateway, "PUT", f"/api/policies/{quote(GROUP, safe='')}", settings={"env": {"A": EVIL}})
    send(
        gateway, "POST", "/api/alerts/channels", name="ops", kind="webhook", target="http://127.0.0.1:1/hook"
    )
    subject = f"group:{GROUP}"
    rule = send(
        gateway, "POST", "/api/alerts/rules", event="budget", threshold=50, subject=subject, channels=["ops"]
    )
    made = send(
        gateway, "POST", "/api/tokens", label=EVIL, person=ALICE, group=GROUP, budget="0.05", budget_period="day",
        log_requests=True,
    )  # fmt: skip
    told = Furnished(Token(made["token"], token_id(made["token"])), more={"rule": rule["id"]})
    called(gateway, vendor, told)
    send(gateway, "POST", "/api/rehearsals", account="spare", fault="429", seconds=600)
    return told


def called(gateway: GatewayProcess, vendor: Vendor, told: Furnished) -> None:
    """Make calls that go well, that the vendor refuses in hostile words, and that lead nowhere."""
    headers = [told.token.bearer, ("anthropic-version", "2023-06-01"), ("content-type", "application/json")]

    def call(body: bytes) -> str:
        return str(gateway.ask("POST", "/v1/messages", headers, body).get("x-gateway-request-id"))

    told.call = call(ask_body("hello"))
    vendor.say(
        json_answer({"type": "error", "error": {"type": "invalid_request_error", "message": EVIL}}, 400)
    )
    told.failed = call(ask_body("hello"))
    call(ask_body("hello").replace(b"claude-sonnet-5-5", json.dumps(EVIL)[1:-1].encode()))
    gateway.ask("POST", "/v1/messages", [("authorization", "Bearer la_sk_wrong")], b"{}")
    gateway.exchanges(told.token, 3)


def log_in(gateway: GatewayProcess, name: str, password: str = PASSWORD) -> str:
    """Log in as people do; return the value of the session's cookie."""
    asking = HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    asking.request("GET", "/login/")
    page = asking.getresponse()
    csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert csrf is not None
    cookie = (page.headers["Set-Cookie"] or "").split(";")[0]
    form = urlencode({"csrfmiddlewaretoken": csrf[1], "username": name, "password": password})
    kind = "application/x-www-form-urlencoded"
    asking.request("POST", "/login/", form, {"Content-Type": kind, "Cookie": cookie})
    answer = asking.getresponse()
    answer.read()
    assert answer.status == 302, answer.status
    found = [line.split(";")[0] for line in answer.headers.get_all("Set-Cookie") or ()]
    return next(each.removeprefix("sessionid=") for each in found if each.startswith("sessionid="))
