"""A token that was just issued is shown with its set-up, once."""

from __future__ import annotations

import html

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_a_new_token_comes_with_its_set_up_for_both_shells(admin_client: Client) -> None:
    issued = admin_client.post("/console/people/issue/", {"label": "laptop", "ttl_hours": "2160"})
    shown = html.unescape(admin_client.get(issued["Location"]).content.decode())
    for client in ("claude-code", "codex", "opencode", "openai", "anthropic", "curl"):
        assert f'data-test="setup-{client}"' in shown
    secret = shown.partition('data-test="secret">')[2].partition("<")[0]
    assert secret.startswith("la_sk_") and f"ANTHROPIC_AUTH_TOKEN={secret}" in shown
    assert shown.count('data-shell="bash"') == shown.count('data-shell="powershell"') == 6
    assert secret not in admin_client.get(issued["Location"]).content.decode(), "a reload repeats nothing"
