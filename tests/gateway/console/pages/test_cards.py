"""Accounts as cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accounts import services
from accounts.models import Account
from accounts.pool.pool import Pool
from gateway.console.pages.cards import account_cards, card, path
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db


def test_accounts_are_told_in_words(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"))
    for name in ("here", "gone"):
        services.add({"name": name, "source": "directory", "location": str(tmp_path)}, principal=SOMEBODY)
    Account.objects.filter(name="gone").update(is_absent=True)
    pool = Pool()
    pool.load()
    (found,) = account_cards(pool)
    assert (found["name"], found["word"], found["back"]) == ("here", "has no credential", "")
    assert found["home"] is None and found["calls"] == "/console/requests/?account=here"
    state = next(state for state in pool.states() if state.name == "here")
    assert card(state, pool.now(), include_paths=True)["home"] == str(tmp_path)


def test_a_name_stands_in_an_address_as_one_part() -> None:
    assert path("a.b") == "/console/accounts/a.b/"
    assert path("a/b") == "/console/accounts/a%2Fb/"
