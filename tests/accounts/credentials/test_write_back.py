"""A pair put back where it stood, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from accounts.credentials.files import FileCredential, parse
from accounts.credentials.write_back import FileMoved, write_pair

FRESH = FileCredential("new", "fresh", 2.0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            {
                "claudeAiOauth": {"accessToken": "old", "refreshToken": "r", "expiresAt": 1, "scopes": ["a"]},
                "x": 1,
            },
            {
                "claudeAiOauth": {
                    "accessToken": "new",
                    "refreshToken": "fresh",
                    "expiresAt": 2000,
                    "scopes": ["a"],
                },
                "x": 1,
            },
        ),
        (
            {"claude_ai_oauth": {"access_token": "old", "refresh_token": "r", "expires_at": 1}},
            {"claude_ai_oauth": {"access_token": "new", "refresh_token": "fresh", "expires_at": 2000}},
        ),
        ({"oauth_token": "old"}, {"oauth_token": "new", "refreshToken": "fresh", "expiresAt": 2000}),
        (
            {"accessToken": None, "oauthToken": "old", "refreshToken": "r"},
            {"accessToken": None, "oauthToken": "new", "refreshToken": "fresh", "expiresAt": 2000},
        ),
        (
            {"claudeAiOauth": {"accessToken": ""}, "accessToken": "old", "refreshToken": "r"},
            {
                "claudeAiOauth": {"accessToken": ""},
                "accessToken": "new",
                "refreshToken": "fresh",
                "expiresAt": 2000,
            },
        ),
    ],
)
def test_each_value_goes_under_the_name_it_had(tmp_path: Path, before: Any, after: Any) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(before))
    old = parse(path.read_bytes())
    assert old is not None
    write_pair(path, old, FRESH)
    assert json.loads(path.read_text()) == after


def test_an_answer_without_refresh_token_or_life_leaves_those_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"accessToken": "old", "refreshToken": "r", "expiresAt": 5}))
    write_pair(path, FileCredential("old"), FileCredential("new"))
    assert json.loads(path.read_text()) == {"accessToken": "new", "refreshToken": "r", "expiresAt": 5}


@pytest.mark.parametrize("now", ['{"accessToken":"by the cli"}', "{", "{}", '{"accessToken":""}'])
def test_a_file_that_holds_something_else_is_left_alone(tmp_path: Path, now: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(now)
    with pytest.raises(FileMoved):
        write_pair(path, FileCredential("old"), FRESH)
    assert path.read_text() == now and list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_gone_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write_pair(tmp_path / "c.json", FileCredential("old"), FRESH)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_the_mode_stays(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"accessToken":"old"}')
    path.chmod(mode)
    write_pair(path, FileCredential("old"), FRESH)
    assert path.stat().st_mode & 0o7777 == mode
