"""`manage.py providers …`: the reference's output, results alone on standard output, exit codes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from providers import services
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.principals import SOMEBODY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]
HEAD = (
    "name                  kind                base_url                          enabled     default_model\n"
)


def run(*arguments: str) -> tuple[str, str, int]:
    out, err, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command("providers", *arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), status


ADD = (
    "add", "--name", "litellm", "--base-url", "http://litellm:4000/v1/", "--model", "claude-sonnet",
    "--models", "claude-sonnet, gpt-4o,", "--api-key", "sk-cli", "--api-key-env", "LITELLM_MASTER_KEY",
    "--kind", "litellm",
)  # fmt: skip
RECORD = """{
  "name": "litellm",
  "kind": "open-a-i-compatible",
  "base_url": "http://litellm:4000/v1",
  "default_model": "claude-sonnet",
  "models": [
    "claude-sonnet",
    " gpt-4o",
    ""
  ],
  "api_key_env": "LITELLM_MASTER_KEY",
  "has_encrypted_api_key": true,
  "enabled": true
}
"""


def test_the_references_life_of_a_provider() -> None:
    assert run("list") == (HEAD, "", 0)
    assert run(*ADD) == (RECORD, "", 0)
    assert run("show", "litellm") == (RECORD, "", 0)
    run("add", "--name", "k", "--base-url", "http://k", "--enabled")
    assert run("list")[0] == (
        HEAD + "k                     openai-compatible   http://k                          true        \n"
        "litellm               openai-compatible   http://litellm:4000/v1            true        claude-sonnet\n"
    )
    assert run("remove", "k") == ("removed k\n", "", 0)
    for command in ("show", "remove", "test"):
        assert run(command, "k") == ("", "not found: k\n", 2)


@pytest.mark.parametrize(
    ("name", "url", "text"),
    [
        ("b ad", "http://u", "name may contain only ASCII letters, digits, dash, underscore, and dot"),
        ("", "http://u", "name is required"),
        ("k", "", "base_url is required"),
    ],
)
def test_the_references_errors(name: str, url: str, text: str) -> None:
    assert run("add", "--name", name, "--base-url", url) == (
        "",
        f"error: invalid provider config: {text}\n",
        1,
    )


def test_a_key_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sk-stdin\n"))
    out, _, status = run("add", "--name", "k", "--base-url", "http://k", "--api-key-stdin", "--disabled")
    assert status == 0 and "sk-stdin" not in out and not services.get("k").is_enabled
    assert run("add", "--name", "k", "--base-url", "http://k2")[2] == 0
    assert services.get("k").encrypted_api_key


def test_our_own_fields() -> None:
    out, _, _ = run(
        "add", "--name", "k", "--base-url", "http://k", "--priority", "3", "--responses", "translate",
        "--header", "X-Team: blue", "--header", "x-b:c", "--json",
    )  # fmt: skip
    record = json.loads(out)
    assert (record["priority"], record["responses"], record["headers"]) == (3, "translate", ["X-Team", "x-b"])


def test_options_of_a_kind() -> None:
    flags = [
        "--kind",
        "gonka",
        "--option",
        "mode=signed",
        "--option",
        "endpoints=https://a;gonka1a",
        "--json",
    ]
    out, _, _ = run("add", "--name", "g", "--base-url", "http://k", *flags)
    assert json.loads(out)["options"] == {"mode": "signed", "endpoints": "https://a;gonka1a"}
    out, err, status = run(
        "add", "--name", "g", "--base-url", "http://k", "--kind", "gonka", "--option", "x=y"
    )
    assert (out, status) == ("", 1) and "'x'" in err


def test_import(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text('[{"name":"a","base_url":"http://a"},{"name":"b","base_url":"http://b"}]')
    bad.write_text("c\n  base_url http://c\n\nd\n  base_url d\n")
    assert run("import", str(good)) == ("imported 2 provider(s)\n", "", 0)
    out, err, status = run("import", str(bad))
    assert (
        (out, status) == ("", 1) and err.startswith("error: invalid provider config: ") and "(line 4)" in err
    )
    assert [row.name for row in services.listed()] == ["a", "b"]
    missing = "error: provider storage I/O error: No such file or directory\n"
    assert run("import", str(tmp_path / "missing")) == ("", missing, 1)
    good.write_bytes(b"\xff\xfe")
    assert run("import", str(good))[2] == 1


def test_test() -> None:
    with OpenAiVendor() as vendor:
        services.upsert({"name": "k", "base_url": f"{vendor.url}/v1", "api_key": KEY}, principal=SOMEBODY)
        assert run("test", "k") == ("k: 200, ok\ngpt-test\n", "", 0)
        services.change("k", {"api_key": "wrong"}, principal=SOMEBODY)
        out, _, status = run("test", "k", "--json")
        assert (status, json.loads(out)["ok"], json.loads(out)["status"]) == (1, False, 401)


def test_clear() -> None:
    run(*ADD)
    assert run("clear", "litellm") == ("cleared litellm\n", "", 0)
    assert json.loads(run("clear", "litellm", "--json")[0]) == {"cleared": "litellm"}
    assert run("clear", "nobody") == ("", "not found: nobody\n", 2)
