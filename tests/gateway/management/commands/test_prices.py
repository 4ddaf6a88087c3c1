from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from gateway.models import PriceRow

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str, int]:
    out, err = StringIO(), StringIO()
    try:
        call_command("prices", *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as exit_:
        return out.getvalue(), err.getvalue(), int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), 0


def test_set_list_remove() -> None:
    assert run("set", "mine", "--input=1", "--output=2", "--max-output=100")[0] == "set mine\n"
    [row] = json.loads(run("list", "--model=mine", "--json")[0])["data"]
    assert (row["input"], row["max_output"], row["currency"]) == ("1", 100, "USD")
    assert run("list", "--model=mine")[0].splitlines()[1].split()[:3] == ["mine", "-", "1"]
    assert run("remove", "mine")[0] == "removed mine\n"
    assert run("remove", "mine") == ("", "error: No price for this model and provider\n", 1)
    assert run("set", "mine", "--input=x")[1].startswith("error: input: ")


def test_import_the_shipped_file_and_another(tmp_path: Path) -> None:
    PriceRow.objects.all().delete()
    assert run("import")[0] == "imported 127 price(s)\n"
    own = tmp_path / "own.json"
    own.write_text('{"currency": "EUR", "prices": [{"model": "m", "input": "1", "output": "2"}]}')
    assert json.loads(run("import", str(own), "--json")[0]) == {"imported": 1}
    assert PriceRow.objects.get(model="m").currency == "EUR"
    own.write_text("[]")
    assert run("import", str(own))[2] == 1
    assert run("import", str(tmp_path / "none"))[1] == "error: No such file or directory\n"
