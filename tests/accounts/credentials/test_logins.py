"""Another kind of login is one class and one line: here one that mints tokens with a key, and one that has to ask."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from accounts import services
from accounts.credentials.logins import logins_from_settings
from accounts.credentials.refresh import Refresher, RefreshOptions
from accounts.credentials.sources import Pair, stored_pair
from accounts.credentials.token_endpoint import GrantRefused, Reach, TokenEndpointBusy
from accounts.errors import RefreshFailed
from accounts.models import Account, Source
from gateway.kernel.events import Event
from gateway.kernel.secrets import box, fingerprint
from providers import services as providers
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)
KEY = '{"client_email":"a@b","private_key":"-----"}'


@dataclass
class Minting:
    """A login whose lasting part is a key: every access token is made of it."""

    vendor: ClassVar[str] = "anthropic"
    reached: list[Reach] = field(default_factory=list)
    problem: Exception | None = None

    def lacks(self, pair: Pair) -> str:
        return "" if pair.refresh_token else "no key"

    def refresh(self, pair: Pair, reach: Reach) -> Pair:
        self.reached.append(reach)
        if self.problem is not None:
            raise self.problem
        return Pair(f"minted-{len(self.reached)}", pair.refresh_token, time.time() + 3600, 3600.0)


def account(refresh_token: str = KEY) -> Account:
    values = {"name": "g", "source": "oauth", "secret": "old", "refresh_token": refresh_token}
    return services.add({**values, "proxy": "http://egress.test:8080"}, principal=SOMEBODY)


def refresher(login: Minting) -> Refresher:
    return Refresher(RefreshOptions(timeout_seconds=7.0, look_seconds=0.02), {Source.OAUTH: login})


def test_the_key_stays_and_the_token_is_new() -> None:
    row, login = account(), Minting()
    refresher(login).refresh(row.pk, fingerprint("old"))
    row.refresh_from_db()
    pair = stored_pair(row, box())
    assert pair is not None and (pair.access_token, pair.refresh_token) == ("minted-1", KEY)
    assert login.reached == [Reach(7.0, "http://egress.test:8080")]


def test_what_it_lacks_is_said_and_nobody_is_asked() -> None:
    row, login = account(refresh_token=""), Minting()
    with pytest.raises(RefreshFailed, match="refused and has no key"):
        refresher(login).refresh(row.pk, fingerprint("old"))
    assert login.reached == []


def test_a_dead_key_needs_a_login_and_a_busy_endpoint_a_moment(told: list[Event]) -> None:
    row = account()
    with pytest.raises(RefreshFailed) as busy:
        refresher(Minting(problem=TokenEndpointBusy("slow down", 9e9))).refresh(row.pk, fingerprint("old"))
    assert busy.value.retry_at == 9e9
    services.clear("g", principal=SOMEBODY)
    with pytest.raises(RefreshFailed) as dead:
        refresher(Minting(problem=GrantRefused("revoked"))).refresh(row.pk, fingerprint("old"))
    assert dead.value.retry_at is None
    row.refresh_from_db()
    assert row.needs_login
    for _ in range(2):
        services.mark_dead(row.pk, fingerprint("old"), "again", principal=SOMEBODY)
    assert [(event.kind, event.subject) for event in told] == [("account-login", "account:g")]


def test_a_login_of_another_vendor_is_sent_nowhere(tmp_path: Path, options: Any) -> None:
    options(DATA_DIR=tmp_path / "data")
    providers.upsert({"name": "other", "base_url": "https://o.test/v1"}, principal=SOMEBODY)
    pair = {"accessToken": "opaque", "refreshToken": "theirs", "expiresAt": 1000}
    (tmp_path / "auth.json").write_text(json.dumps({"claudeAiOauth": pair}))
    values = {"name": "d", "source": "directory", "location": str(tmp_path), "provider": "other"}
    row, login = services.add(values, principal=SOMEBODY), Minting()
    with pytest.raises(RefreshFailed, match="another vendor's"):
        Refresher(RefreshOptions(), {Source.DIRECTORY: login}).refresh(row.pk, fingerprint("opaque"))
    assert login.reached == []
    services.update("d", {"provider": "anthropic"}, principal=SOMEBODY)
    Refresher(RefreshOptions(is_write_back=False), {Source.DIRECTORY: login}).refresh(
        row.pk, fingerprint("opaque")
    )
    assert len(login.reached) == 1


def test_sources_that_no_line_names_have_nothing_to_refresh() -> None:
    row = services.add({"name": "k", "source": "api_key", "secret": "old"}, principal=SOMEBODY)
    with pytest.raises(RefreshFailed, match="no pair to refresh"):
        refresher(Minting()).refresh(row.pk, fingerprint("old"))
    assert set(logins_from_settings()) == {Source.DIRECTORY, Source.OAUTH}
