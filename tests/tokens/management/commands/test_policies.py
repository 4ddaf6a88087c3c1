from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.principals import SOMEBODY
from tokens.groups import services as groups

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str, int]:
    out, err = StringIO(), StringIO()
    try:
        call_command("policies", *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as exit_:
        return out.getvalue(), err.getvalue(), int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), 0


def test_the_life_of_policies(tmp_path: Path) -> None:
    groups.create("dev", principal=SOMEBODY)
    file = tmp_path / "f.json"
    file.write_text('{"modle": "ü"}', encoding="utf-8")
    told = run("set", "dev", f"--file={file}")[0].splitlines()
    assert told[0].startswith("set dev  sha256:") and told[1].startswith("warning: modle")
    assert json.loads(run("show", "dev")[0]) == {"modle": "ü"}
    assert json.loads(run("show", "dev", "--json")[0])["group"] == "dev"
    assert run("list")[0].startswith("dev  sha256:")
    assert run("remove", "dev")[0] == "removed dev\n"
    assert run("show", "dev") == ("", "not found: dev has no policy\n", 2)
    assert run("set", "nope", f"--file={file}") == ("", "not found: nope\n", 2)
    file.write_text("{")
    assert "not valid JSON" in run("set", "*", f"--file={file}")[1]
    file.write_bytes(b"\xff")
    assert run("set", "*", f"--file={file}")[1] == "error: settings: is not UTF-8\n"
    assert "No such file" in run("set", "*", f"--file={tmp_path / 'none'}")[1]
