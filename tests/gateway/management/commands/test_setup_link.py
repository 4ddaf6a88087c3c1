"""`router setup-link`: a fresh link on standard output, alone; exit status 1 when there is an admin."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User

from gateway.management.commands.setup_link import Command
from tokens.people import first

pytestmark = pytest.mark.django_db


def run(capsys: Any, **options: Any) -> str:
    Command().handle(**{"as_json": False, **options})
    return str(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def folder(options: Any, tmp_path: Any) -> None:
    options(DATA_DIR=tmp_path, PUBLIC_URL="https://gw.example.com")


def test_a_fresh_link_and_nothing_else(capsys: Any) -> None:
    older = run(capsys).strip().rpartition("/")[2]
    link = run(capsys)
    assert link.startswith("https://gw.example.com/setup/") and link.count("\n") == 1
    assert first.is_open(link.strip().rpartition("/")[2]) and not first.is_open(older)
    told = json.loads(run(capsys, as_json=True))
    assert set(told) == {"setup_url", "expires_at"}


def test_with_an_admin_or_without_the_page_it_fails(capsys: Any, options: Any) -> None:
    User.objects.create_superuser("root")
    with pytest.raises(SystemExit) as ended:
        run(capsys)
    assert ended.value.code == 1 and "active admin" in capsys.readouterr().err
    options(DISABLE_CONSOLE=True)
    with pytest.raises(SystemExit) as ended:
        run(capsys)
    assert ended.value.code == 1 and "createsuperuser" in capsys.readouterr().err
