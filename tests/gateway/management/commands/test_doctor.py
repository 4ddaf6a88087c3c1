from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def doctor(*arguments: str) -> tuple[str, int]:
    """Run the command; return what it prints, and its exit status."""
    output = io.StringIO()
    try:
        call_command("doctor", *arguments, stdout=output)
    except SystemExit as end:
        return output.getvalue(), int(str(end.code))
    return output.getvalue(), 0


@pytest.fixture(autouse=True)
def home(options, tmp_path: Path) -> Path:
    options(
        ROUTER_HOST="127.0.0.1",
        TOKEN_SECRET="0a1b2c3d4e5f60718293a4b5c6d7e8f9-secret",
        TOKEN_ADMIN_KEY="an-admin-key-nobody-sees",
        DATA_DIR=tmp_path / "data",
        CLAUDE_CODE_HOME=tmp_path,
        ADDITIONAL_ACCOUNT_DIRS=(),
        ANTHROPIC_API_KEY="",
    )
    (tmp_path / "credentials.json").write_text('{"accessToken": "sk-ant-oat01-nothing-real"}')
    return tmp_path


def test_exit_status_0_when_nothing_is_wrong():
    output, status = doctor()
    assert status == 0, output
    assert "token OK" in output


def test_exit_status_1_when_something_is_wrong(home: Path):
    (home / "credentials.json").unlink()
    output, status = doctor()
    assert status == 1
    assert "MISSING" in output


def test_json_says_the_same(home: Path):
    view = json.loads(doctor("--json")[0])
    assert view["ok"] is True
    text, _ = doctor()
    for finding in view["findings"]:
        assert f"{finding['label']}" in text
        assert f": {finding['text']}" in text
    (home / "credentials.json").unlink()
    output, status = doctor("--json")
    view = json.loads(output)
    assert (view["ok"], status) == (False, 1)
    assert [finding["label"] for finding in view["findings"] if finding["is_problem"]] == [
        "primary credentials"
    ]


def test_no_secret_is_printed():
    output = doctor()[0] + doctor("--json")[0]
    assert "nobody-sees" not in output
    assert "sk-ant" not in output
