"""Who comes without a token, over real sockets: noise is counted, people are led in, pages are strict."""

from __future__ import annotations

import re

import pytest

from tests.e2e.calls import ASK
from tests.harness import ENTRY_POINTS

NOISE = [
    ("GET", "/wp-login.php"),
    ("GET", "/favicon.ico"),
    ("GET", "/robots.txt"),
    ("GET", "/"),
    ("POST", "/"),
    ("GET", "/admin"),
    ("GET", "/v1/messages"),
    ("POST", "/v1/messages"),
    ("GET", "/v1/models"),
    ("GET", "/api/tokens/list"),
    ("GET", "/.env"),
]


def test_strangers_are_counted_and_write_no_rows_and_next_to_no_lines(start):
    """Their calls are noise: neither the database nor the log is theirs to fill."""
    for kind in ENTRY_POINTS:
        entry_point = start(kind)
        before = len(entry_point.log().splitlines())
        for _ in range(20):
            for method, path in NOISE:
                headers = [("authorization", "Bearer la_sk_wrong")] if path == "/v1/models" else []
                assert entry_point.ask(method, path, headers, ASK if method == "POST" else None).status != 500
        counted = re.search(
            rb"link_assistant_unauthenticated_total (\d+)", entry_point.admin("GET", "/metrics").body
        )
        assert int(counted[1]) >= 120  # plain Django refuses a wrong method by itself
        entry_point.messages(ASK)
        assert len(entry_point.exchanges(entry_point.token)) == 1
        assert len(entry_point.rows("SELECT * FROM gateway_exchange")) == 1
        new = [line for line in entry_point.log().splitlines()[before:] if " DEBUG " not in line]
        assert len(new) < 12, new
        assert sum("calls without a valid token" in line for line in new) == 1


def test_a_browser_is_led_in_and_a_program_is_not(entry_point, vendor):
    html = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]
    led = entry_point.ask("GET", "/", html)
    assert (led.status, led.get("location")) == (302, "/admin/login/?next=/")
    assert [entry_point.ask("GET", "/").status, entry_point.ask("HEAD", "/", html).status] == [405, 200]
    slash = entry_point.ask("GET", "/admin")
    assert (slash.status, slash.get("location")) == (301, "/admin/")
    icon = entry_point.ask("GET", "/favicon.ico")
    assert (icon.status, icon.get("content-type")) == (200, "image/x-icon")
    assert "max-age" in icon.get("cache-control")
    assert entry_point.ask("GET", "/robots.txt").body.endswith(b"Disallow: /\n")
    assert vendor.seen == []


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/nowhere/", "/api/docs"])
def test_every_page_says_what_it_may_load(entry_point, path):
    page = entry_point.admin("GET", path)
    if page.status == 302:
        page = entry_point.ask("GET", page.get("location"))
    assert page.status == 200
    assert "default-src 'self'; script-src 'self';" in page.get("content-security-policy")
    assert "unsafe" not in page.get("content-security-policy")
    assert page.get("x-content-type-options") == "nosniff"
    assert page.get("referrer-policy") == "same-origin"
    assert page.get("x-frame-options") == "DENY"
    assert "no-store" in page.get("cache-control")
