"""Buttons of accounts' and providers' cards: one view for both, which does nothing that it was not told to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accounts import services as accounts
from gateway.console.pages.accounts import BUTTONS as OF_ACCOUNTS
from gateway.console.pages.providers import BUTTONS as OF_PROVIDERS
from gateway.models import AuditRow
from providers import services as providers
from tests.gateway.console.pages.people import browser
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db
PATHS = {
    **{f"/console/accounts/%s/{word}/": button.done for word, button in OF_ACCOUNTS.items()},
    **{f"/console/providers/%s/{word}/": button.done for word, button in OF_PROVIDERS.items()},
}


@pytest.fixture(autouse=True)
def one_of_each(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"))
    accounts.add({"name": "one", "source": "api_key", "secret": "s"}, principal=SOMEBODY)
    providers.upsert({"name": "one", "base_url": "http://p.test/v1"}, principal=SOMEBODY)


@pytest.mark.parametrize("path", PATHS)
def test_what_was_done_is_told_and_recorded(path: str) -> None:
    if path.endswith("resume/"):
        accounts.pause("one", principal=SOMEBODY)
    if path.endswith("enable/"):
        providers.disable("one", principal=SOMEBODY)
    before = AuditRow.objects.count()
    answer = browser("operator").post(path % "one", follow=True)
    assert f"one is {PATHS[path]}." in answer.content.decode()
    assert AuditRow.objects.count() == before + 1


@pytest.mark.parametrize("path", PATHS)
def test_what_is_not_there_and_what_nobody_knows(path: str) -> None:
    before = AuditRow.objects.count()
    client = browser("operator")
    assert client.get(path % "one").status_code == 405
    assert client.post(path % "none").status_code == 404
    assert client.post(path % "one", {"colour": "red"}).status_code == 400
    assert client.post(path.replace(path.split("/")[-2], "paint") % "one").status_code == 404
    assert browser("viewer").post(path % "one").status_code == 403
    assert AuditRow.objects.count() == before
