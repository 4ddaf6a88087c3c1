"""Every page in a real browser, as each role, wide and on a phone, light and dark, with hostile names in its rows.

None is wider than the screen, complains, asks another host, lets a name be markup, or has what axe-core calls
serious. `GATEWAY_TEST_PICTURES=<folder>` keeps a picture of each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.console.pages.urls import CALLS, RECORDS, UPSTREAM
from tests.e2e.furnishing import ALICE, EVIL, GROUP, SETTINGS, Furnished, furnish, log_in
from tests.fakes.browser import PROGRAM, Browser
from tests.fakes.vendor import Vendor
from tests.harness import GatewayProcess, Token

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(400),
    pytest.mark.skipif(PROGRAM is None, reason="no chromium"),
]
PICTURES = os.environ.get("GATEWAY_TEST_PICTURES", "")
LOOKS = ((1440, "light"), (390, "dark"), (1440, "dark"), (390, "light"))
"""Two show both widths and both sets of colours; all four are for pictures."""
POSTED = (
    "act", "end", "save", "remove", "test", "change", "log_in", "tick", "reorder", "lengthen", "find", "secret",
    "revoke", "rotate", "sign_out", "no_totp", "reconcile", "follow", "retry", "unfollow", "block", "set_strategy",
    "set_policy", "remove_policy",
)  # fmt: skip
"""Views without a page of their own; `secret` is seen by who has issued something."""


@dataclass
class Scene:
    """A gateway with something of everything, and a browser."""

    gateway: GatewayProcess
    browser: Browser
    told: Furnished
    sessions: dict[str, str]

    def be(self, role: str) -> None:
        if role and role not in self.sessions:
            self.sessions[role] = log_in(self.gateway, f"{role}@example.org")
        self.browser.be(self.gateway.url, self.sessions[role] if role else "")

    def open(self, page: str) -> None:
        self.browser.open(f"{self.gateway.url}{page}")


@pytest.fixture(scope="module")
def scene(template: Path, shared_vendor: Vendor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("walk")
    with (
        GatewayProcess(template, home, shared_vendor.url, "daphne", SETTINGS) as gateway,
        Browser(home / "browser", timeout=90.0) as browser,
    ):
        yield Scene(gateway, browser, furnish(gateway, shared_vendor), {})


def pages(told: Furnished) -> dict[str, str]:
    """Return the address of a page for each pattern of the console."""
    token, evil = told.token.id, quote(EVIL, safe="")
    return {
        "console/": "/console/",
        "console/requests/": "/console/requests/",
        "console/requests/<str:request_id>/": f"/console/requests/{told.failed}/",
        "console/usage/": "/console/usage/?by=token,model,group",
        "console/rehearse/": "/console/rehearse/?account=spare",
        "console/alerts/": "/console/alerts/",
        "console/alerts/new-rule/": "/console/alerts/new-rule/",
        "console/alerts/new-channel/": "/console/alerts/new-channel/",
        "console/alerts/rules/<str:rule_id>/": f"/console/alerts/rules/{told.more['rule']}/",
        "console/alerts/channels/<str:name>/": "/console/alerts/channels/ops/",
        "console/settings/": f"/console/settings/?policy={quote(GROUP)}",
        "console/audit/": "/console/audit/",
        "console/accounts/": "/console/accounts/",
        "console/add-account/": "/console/add-account/?source=aws",
        "console/accounts/<str:name>/": "/console/accounts/spare/",
        "console/providers/": "/console/providers/",
        "console/add-provider/": "/console/add-provider/",
        "console/providers/<str:name>/": "/console/providers/dead/",
        "console/routes/": f"/console/routes/?ask={evil}",
        "console/prices/": "/console/prices/",
        "console/people/": "/console/people/",
        "console/people/add/": "/console/people/add/",
        "console/people/groups/": "/console/people/groups/",
        "console/people/issue/": "/console/people/issue/",
        "console/people/person/": f"/console/people/person/?email={quote(ALICE)}",
        "console/people/tokens/<str:token_id>/": f"/console/people/tokens/{token}/",
        "console/signins/": "/console/signins/",
        "console/objects/": "/console/objects/",
        "console/payments/": "/console/payments/",
        "console/federation/": "/console/federation/",
    }


OWN = ("/me/", "/me/security/", "/device", "/login/")
"""Pages of one's own, and of nobody's."""
RAW = ("/admin/", *(f"/admin/{name}/" for name in ("auth/user", "tokens/token", "gateway/exchangerow")))
"""Lists of raw rows, in the same colours, that fit a phone."""


OTHERS: dict[str, tuple[Sequence[str], Sequence[tuple[int, str]]]] = {
    "viewer": ((), [(390, "light")]),
    "operator": (
        ("/console/accounts/spare/", "/console/providers/dead/", "/console/rehearse/"),
        [(1440, "dark")],
    ),
    "alice": (OWN, LOOKS[:2]),  # a developer, with all that has such names
    "": (OWN, LOOKS[:2]),
    "admin": (RAW, LOOKS[:2]),
}
"""Which pages who is not an admin is walked over, and how they look; empty: all that a viewer sees."""
ADMINISTERED = {
    f"console/{name}/"
    for name in (
        "rehearse", "alerts/new-rule", "alerts/new-channel", "alerts/rules/<str:rule_id>", "alerts/channels/<str:name>",
        "settings", "audit", "add-account", "add-provider", "people/add", "people/issue",
    )
}  # fmt: skip
PARTS = {
    name: {str(each.pattern) for each in part}
    for name, part in (("calls", CALLS), ("upstream", UPSTREAM), ("records", RECORDS))
}


def test_no_page_is_left_out() -> None:
    """A new page has its line above."""
    shown = {
        str(each.pattern) for each in (*CALLS, *UPSTREAM, *RECORDS) if each.callback.__name__ not in POSTED
    }
    assert shown == set(pages(Furnished(Token("", ""), more={"rule": ""})))


def seen(scene: Scene, role: str, page: str, looks: Sequence[tuple[int, str]]) -> list[str]:
    """Open a page as somebody, in these looks; return what is wrong with it."""
    wrong = []
    browser = scene.browser
    browser.complaints.clear()
    for width, scheme in looks:
        browser.look(width, scheme)
        scene.open(page)
        if (wide := browser.run("document.documentElement.scrollWidth")) > width:
            wrong.append(f"{wide} wide at {width}")
        if not page.startswith("/admin/"):  # whose pages are Django's
            wrong += browser.judged()
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            name = f"{role or 'nobody'} {page.split('?')[0].strip('/').replace('/', ' ')[:60]} {width} {scheme}.png"
            browser.picture(Path(PICTURES) / name)
    status = browser.run("performance.getEntriesByType('navigation')[0].responseStatus")
    if status not in (200, 403):
        wrong.append(f"answers {status}")
    refused = f"the server responded with a status of {status}"  # Chromium says so of what is 403
    wrong += [f"complains: {each}" for each in browser.complaints if refused not in each]
    if browser.run("'owned' in window"):
        wrong.append("a name is markup")
    return [f"{role} {page}: {each}" for each in wrong]


@pytest.mark.parametrize("part", PARTS)
def test_every_page_stands_well_and_lets_no_name_be_markup(scene: Scene, part: str) -> None:
    scene.be("admin")
    wrong = []
    for pattern, page in pages(scene.told).items():
        if pattern in PARTS[part]:
            wrong += seen(scene, "admin", page, LOOKS if PICTURES else LOOKS[:2])
    assert wrong == []
    assert scene.browser.hosts == {f"127.0.0.1:{scene.gateway.port}"}


@pytest.mark.parametrize("role", OTHERS)
def test_what_others_see_stands_well_too(scene: Scene, role: str) -> None:
    """Where less is shown, the rest still stands well; and pages of one's own, and nobody's."""
    shown, looks = OTHERS[role]
    scene.be(role)
    wrong = []
    for page in shown or [each for name, each in pages(scene.told).items() if name not in ADMINISTERED]:
        wrong += seen(scene, role, page, looks)
    assert wrong == []


TABBABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
STAMP = f"""
[...document.querySelectorAll("{TABBABLE}")].filter((each) => each.checkVisibility() && !each.disabled)
  .map((each, number) => each.dataset.stop = number).length
"""
FOCUSED = """
(() => {
  const now = document.activeElement, style = getComputedStyle(now);
  return [now.dataset.stop ?? "", style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0];
})()
"""


def walked(browser: Browser) -> list[str]:
    """Press Tab until the page's end; return the stops that were not reached, and those that cannot be seen."""
    left = {str(number) for number in range(browser.run(STAMP))}
    unseen = set()
    for _ in range(3 * len(left) + 10):  # a field of a time has several
        browser.press("Tab")
        stop, is_seen = browser.run(FOCUSED)
        if stop == "":
            break
        left.discard(stop)
        if not is_seen:
            unseen.add(stop)
    name = "document.querySelector('[data-stop=\"%s\"]').outerHTML.slice(0, 90)"
    return [f"{browser.run(name % stop)}: never reached" for stop in sorted(left)] + [
        f"{browser.run(name % stop)}: not seen" for stop in sorted(unseen)
    ]


@pytest.mark.parametrize(
    "page",
    ["/console/", "/console/requests/", "/console/people/issue/", "/console/alerts/", "/me/", "/device"],
)
def test_everything_is_reached_by_the_keyboard(scene: Scene, page: str) -> None:
    scene.be("admin")
    browser = scene.browser
    browser.look(1440, "light")
    browser.ask("Emulation.setFocusEmulationEnabled", enabled=True)
    scene.open(page)
    browser.run("document.activeElement.blur()")
    browser.press("Tab")
    skip = browser.run(
        "document.activeElement.matches('.skip') && document.activeElement.getBoundingClientRect().left"
    )
    assert skip is not False and skip >= 0, "the link to the content comes first, and is seen"
    browser.press("Enter")
    assert browser.run("location.hash") == "#main"
    scene.open(page)
    browser.run("document.activeElement.blur()")
    assert walked(browser) == []


@dataclass(frozen=True)
class Question:
    """What an operator asks: three clicks from `/console/` at most, what she fills in between, and what tells."""

    clicks: tuple[str, ...]
    told: str
    filled: dict[str, str] = field(default_factory=dict)


QUESTIONS = {
    "who spent most yesterday": Question(
        ("nav-usage", "period-yesterday", "by-person"),
        "[...document.querySelectorAll('[data-test=usage-table] th')].some((each) => each.textContent === 'person')",
    ),
    "a month to take along": Question(
        ("nav-usage", "period-month"),  # and the link itself
        "fetch(document.querySelector('[data-test=csv]').href).then((told) => told.headers.get('content-type'))"
        ".then((kind) => kind.startsWith('text/csv'))",
    ),
    "be told when an account is out": Question(
        ("nav-alerts", "new-rule", "save"),
        "location.pathname === '/console/alerts/'",
        {"event": "account-out", "threshold": ""},
    ),
    "what runs now": Question(("nav-requests",), "!document.querySelector('[data-test=live]').hidden"),
    "why do Alice's calls fail": Question(
        ("nav-requests", "apply", "call"),
        "document.querySelector('[data-test=upstream-error]').textContent.includes('onerror')",
        {"person": ALICE, "status": "4xx", "model": "claude-sonnet-5-5"},
    ),
    "a token for somebody": Question(
        ("nav-people", "issue-token", "save"),
        "document.querySelector('[data-test=secret]').textContent.startsWith('la_sk_')",
        {"label": "for Bob"},
    ),
    "which account is out": Question((), "document.querySelector('[data-test=account].bad') !== null"),
    "put an account back": Question(
        ("reset",), "document.querySelector('[data-test=told]').textContent.includes('reset')"
    ),
    "end what has leaked": Question(
        ("nav-people", "find-secret", "revoke"),
        "document.querySelector('[data-test=found-token]').textContent.includes('revoked')",
        {"secret": "LEAKED"},
    ),
    "another provider": Question(
        ("nav-providers", "add-provider", "save"),
        "location.pathname === '/console/providers/more/'",
        {"name": "more", "base_url": "http://127.0.0.1:1/v1"},
    ),
    "what changed, and by whom": Question(
        ("nav-audit",), "document.querySelectorAll('[data-test=entry]').length > 5"
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_operator_is_answered_within_three_clicks(scene: Scene, question: str) -> None:
    asked = QUESTIONS[question]
    assert len(asked.clicks) <= 3
    scene.be("admin")
    browser = scene.browser
    scene.open("/console/")
    values = {
        name: scene.gateway.issue("leaked").secret if value == "LEAKED" else value
        for name, value in asked.filled.items()
    }
    for hook in asked.clicks:
        for name, value in values.items():
            browser.run(
                f"document.querySelector('main [name={name}]')?.setAttribute('value', {json.dumps(value)})"
            )
            browser.run(f"(document.querySelector('main [name={name}]') ?? {{}}).value = {json.dumps(value)}")
        found = f"document.querySelector('[data-test={hook}]')"
        browser.send(f"({found}.matches('a, button') ? {found} : {found}.querySelector('a')).click()")
    browser.wait(asked.told)
