"""What the vendor's endpoint is asked with, and what a login needs for it."""

from __future__ import annotations

from accounts.credentials.claude_oauth import CLIENT_ID, ClaudeOAuth
from accounts.credentials.sources import Pair
from accounts.credentials.token_endpoint import Reach
from tests.fakes.token_endpoint import FakeTokenEndpoint

PAIR = Pair("sk-ant-oat01-0", "sk-ant-ort01-0")


def test_the_form_and_the_new_pair(endpoint: FakeTokenEndpoint) -> None:
    fresh = ClaudeOAuth(endpoint.url).refresh(PAIR, Reach(5))
    assert (fresh.access_token, fresh.refresh_token) == ("sk-ant-oat01-1", "sk-ant-ort01-1")
    assert endpoint.requests == [
        {"grant_type": "refresh_token", "refresh_token": "sk-ant-ort01-0", "client_id": CLIENT_ID}
    ]


def test_a_login_without_a_refresh_token_lacks_it() -> None:
    claude = ClaudeOAuth("http://127.0.0.1:9/")
    assert claude.lacks(PAIR) == ""
    assert claude.lacks(Pair("sk-ant-oat01-0")) == "no refresh token"
