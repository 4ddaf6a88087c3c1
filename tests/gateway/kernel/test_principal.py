from __future__ import annotations

import os
import pwd
from dataclasses import FrozenInstanceError

import pytest

from gateway.kernel.principal import COMMAND_LINE, GATEWAY, Principal, PrincipalKind


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (PrincipalKind.ADMIN_KEY, "api"),
        (PrincipalKind.LOOPBACK, "api"),
        (PrincipalKind.ANONYMOUS, "api"),
        (PrincipalKind.STAFF, "admin"),
        (PrincipalKind.PERSON, "console"),
        (PrincipalKind.COMMAND_LINE, "command"),
        (PrincipalKind.GATEWAY, "system"),
    ],
)
def test_each_kind_has_its_usual_way(kind: PrincipalKind, way: str) -> None:
    assert Principal(kind, "").way == way
    assert Principal(kind, "", via="login").way == "login"


def test_every_kind_is_tried_above() -> None:
    assert len(PrincipalKind) == 7


def test_the_command_line_is_the_system_s_user_whatever_variables_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setenv("USER", "somebody-else")
    assert COMMAND_LINE.shown_name == pwd.getpwuid(os.getuid()).pw_name
    assert Principal(PrincipalKind.COMMAND_LINE, "ann").shown_name == "ann"
    assert GATEWAY.shown_name == ""


def test_a_user_without_a_login_is_told_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert COMMAND_LINE.shown_name == "4000000000"


def test_a_principal_is_not_changed_on_its_way() -> None:
    with pytest.raises(FrozenInstanceError):
        GATEWAY.name = "root"  # type: ignore[misc]
