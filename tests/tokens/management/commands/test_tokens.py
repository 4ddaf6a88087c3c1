"""Command `tokens`: the reference's results, tables and exit codes, and several processes at once."""

from __future__ import annotations

import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests import warm
from tests.harness import MANAGE, PATIENCE
from tests.principals import SOMEBODY
from tests.tokens.conftest import SECRET, copied, stored
from tokens import services
from tokens.files import binary, lino
from tokens.groups import services as group_services
from tokens.jwt import signing
from tokens.models import Token

pytestmark = pytest.mark.django_db
HEADING = "id                                    issued_at   expires_at  revoked     label\n"


def run(*arguments: str) -> tuple[str, str, int]:
    """Return standard output, standard error and exit status."""
    out, err = StringIO(), StringIO()
    status = 0
    try:
        call_command("tokens", *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as exit_:
        status = exit_.code if isinstance(exit_.code, int) else 1
    except CommandError as usage:
        err.write(str(usage))
        status = 2
    return out.getvalue(), err.getvalue(), status


def test_the_references_life_of_tokens() -> None:
    """Replay the recorded sequence step by step, with our deviations named."""
    assert run("list") == (HEADING, "", 0)
    first = signing.verify(run("issue")[0].strip(), SECRET.encode())
    out, err, status = run("issue", "--ttl-hours", "87600", "--label", 'long "lived"', "--account", "primary")
    assert (err, status) == ("", 0)
    second = signing.verify(out.strip(), SECRET.encode())
    assert second.exp - second.iat == 87_600 * 3600
    # the reference takes any number of hours; we from 1 to 87600
    for hours in ("-5", "0", "87601", "99999999999999"):
        assert run("issue", f"--ttl-hours={hours}") == ("", "error: ttl_hours: must be from 1 to 87600\n", 1)
    table = run("list")[0].splitlines(keepends=True)
    assert table[0] == HEADING
    assert sorted(table[1:]) == sorted([
        f"{first.sub}  {first.iat}  {first.exp}  false       \n",
        f'{second.sub}  {second.iat}  {second.exp}  false       long "lived"\n',
    ])  # fmt: skip
    shown, err, status = run("show", second.sub)
    assert shown == (
        f'{{\n  "id": "{second.sub}",\n  "label": "long \\"lived\\"",\n  "issued_at": {second.iat},\n'
        f'  "expires_at": {second.exp},\n  "revoked": false,\n  "account": "primary"\n}}\n'
    )
    assert run("show", "nope") == ("", "not found: nope\n", 2)
    assert run("show", "") == ("", "not found: \n", 2)
    assert run("revoke", first.sub) == run("revoke", first.sub) == (f"revoked {first.sub}\n", "", 0)
    assert json.loads(run("show", first.sub)[0])["revoked"] is True
    assert run("expire", second.sub) == (f"revoked {second.sub}\n", "", 0)
    assert json.loads(run("show", second.sub)[0]) == {
        "id": second.sub,
        "label": 'long "lived"',
        "issued_at": second.iat,
        "expires_at": second.exp,
        "revoked": True,
        "account": "primary",
    }
    # the reference says "revoked nope" and 0
    for action in ("revoke", "expire", "rotate"):
        assert run(action, "nope") == ("", "not found: nope\n", 2)
    assert run("issue", "--label=--x")[2] == 0
    assert run("issue", "--label", "--x")[2] == 2


def test_a_label_neither_breaks_the_table_nor_speaks_to_the_terminal() -> None:
    services.issue(label="a\nb\tc é \x1b[31m", principal=SOMEBODY)
    assert run("list")[0].splitlines()[1].endswith("  false       a\\nb\\tc é \\x1b[31m")


def test_issue_with_every_enabled_field() -> None:
    group_services.create("team", principal=SOMEBODY)
    options = (
        "--provider=p",
        "--group=team",
        "--allowed-models=claude-*,gpt-5",
        "--allowed-surfaces=messages",
    )
    told = json.loads(run("issue", "--json", "--account=a", *options)[0])
    row = services.get(told["id"])
    assert (row.account, row.provider, row.group and row.group.name) == ("a", "p", "team")
    assert (row.allowed_models, row.allowed_surfaces) == (["claude-*", "gpt-5"], ["messages"])
    assert run("issue", "--group=nobody") == ("", "error: group: no group with this name\n", 1)
    limited = json.loads(
        run("issue", "--json", "--max-requests=3", "--budget=2.50", "--budget-period=day")[0]
    )
    assert (limited["max_requests"], limited["budget"], limited["budget_currency"]) == (3, "2.5", "USD")
    assert limited["budget_period"] == "day"


def test_list_filters_and_json() -> None:
    live, gone = (
        services.issue(label="Alice", account="a", principal=SOMEBODY).token.id,
        services.issue(label="Bob", principal=SOMEBODY).token.id,
    )
    services.revoke(gone, principal=SOMEBODY)

    def ids(*options: str) -> list[str]:
        return [row["id"] for row in json.loads(run("list", "--json", *options)[0])["data"]]

    assert ids("--state=revoked") == [gone]
    assert ids("--label=ali") == ids("--account=a") == [live]
    assert len(ids()) == 2 and len(ids("--limit=1")) == 1
    assert run("list", "--limit=x")[2] == 2
    assert run("list", "--state=dead")[2] == 2
    assert "la_sk_" not in run("list", "--json")[0]


def test_list_goes_beyond_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(7):
        services.issue(principal=SOMEBODY)
    original = services.Filters
    monkeypatch.setattr(services, "Filters", lambda **given: original(**given, limit=3))
    assert len(run("list")[0].splitlines()) == 8


def test_rotate() -> None:
    old = services.issue(label="x", ttl_hours=48, principal=SOMEBODY).token
    out, err, status = run("rotate", old.id, "--grace-seconds", "0")
    claims = signing.verify(out.strip(), SECRET.encode())
    assert (err, status, claims.label, claims.exp - claims.iat) == ("", 0, "x", 48 * 3600)
    assert services.get(old.id).state(time.time()) == "expired"
    assert run("rotate", old.id) == ("", "error: This token was rotated already; rotate its successor\n", 1)
    told = json.loads(run("rotate", claims.sub, "--json", "--ttl-hours=1")[0])
    assert told["rotated_from"] == claims.sub and told["ttl_hours"] == 1


def test_revoke_as_json() -> None:
    token_id = services.issue(principal=SOMEBODY).token.id
    assert json.loads(run("revoke", token_id, "--json")[0]) == {"revoked": token_id}


def test_import(tmp_path: Path) -> None:
    copied("unicode-secret", tmp_path)
    count = len(stored("unicode-secret")["tokens"])
    assert run("import", str(tmp_path)) == (f"imported {count} token(s), revoked 0\n", "", 0)
    (tmp_path / "tokens.lino").write_bytes(b"(token x (label")
    out, err, status = run("import", str(tmp_path), "--json")
    assert status == 1 and json.loads(out)["added"] == 1
    assert json.loads(err)["error"].startswith("tokens.lino line 1: expected parens around record")
    assert run("import", str(tmp_path / "nowhere"))[2] == 1


def test_a_reference_store_in_the_data_directory_is_there_at_once(tmp_path: Path, options: Any) -> None:
    options(STORAGE_POLICY="both")
    copied("both-one-process", tmp_path)
    assert len(run("list")[0].splitlines()) > len(stored("both-one-process")["tokens"])


def test_a_data_directory_that_cannot_be(tmp_path: Path, options: Any) -> None:
    options(STORAGE_POLICY="both", DATA_DIR=tmp_path / "file")
    (tmp_path / "file").touch()
    assert run("list") == ("", "error: storage I/O error: File exists\n", 1)


def manage(data_dir: Path, *arguments: str) -> warm.Ended:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(data_dir),
        "ROUTER_HOME": str(data_dir),
        "DATA_DIR": str(data_dir),
        "TOKEN_SECRET": SECRET,
        "STORAGE_POLICY": "both",
    }
    return warm.run([MANAGE, *arguments], data_dir, environment, PATIENCE)


def at_once(data_dir: Path, *commands: tuple[str, ...]) -> list[warm.Ended]:
    with ThreadPoolExecutor(len(commands)) as threads:
        return list(threads.map(lambda arguments: manage(data_dir, *arguments), commands))


def test_processes_at_once_lose_nothing_in_database_and_files(tmp_path: Path) -> None:
    """Check that standard output holds the token alone, so that a shell can capture it."""
    assert manage(tmp_path, "migrate", "-v0", "--skip-checks") == (0, "", "")
    issued = at_once(tmp_path, *(("tokens", "issue", "--label", f"é {number}") for number in range(5)))
    claims = [signing.verify(done.out.removesuffix("\n"), SECRET.encode()) for done in issued]
    assert {claim.label for claim in claims} == {f"é {number}" for number in range(5)}
    changes = [("tokens", "rotate", claims[0].sub)] * 3
    changes += [("tokens", "revoke", claim.sub) for claim in claims[1:3]]
    assert sorted(done.status for done in at_once(tmp_path, *changes)) == [0, 0, 0, 1, 1]
    listed = manage(tmp_path, "tokens", "list", "--json").out
    rows = {row["id"]: row for row in json.loads(listed)["data"]}
    assert len(rows) == 6
    assert sum(row["revoked"] for row in rows.values()) == 2
    files = lino.read((tmp_path / "tokens.lino").read_bytes()).records
    assert set(files) == set(rows)
    assert all(files[claim.sub].revoked for claim in claims[:3])


def test_tokens_are_exported_and_imported_again(tmp_path: Path) -> None:
    kept = run("issue", "--label", 'кот "a"\n\tb', "--account", "primary")[0].strip()
    lost = run("issue")[0].strip()
    ids = [signing.verify(secret, SECRET.encode()).sub for secret in (kept, lost)]
    run("revoke", ids[1])
    out = tmp_path / "out"
    assert run("export", str(out)) == ("exported 2 token(s)\n", "", 0)
    told = {name: lino.read((out / "tokens.lino").read_bytes()).records[name] for name in ids}
    assert told == binary.read((out / "tokens.bin").read_bytes()).records
    assert [told[name].revoked for name in ids] == [False, True]
    assert (told[ids[0]].label, told[ids[0]].account) == ('кот "a"\n\tb', "primary")
    refused = run("export", str(out))
    assert refused == ("", "error: storage I/O error: File exists\n", 1)
    Token.objects.all().delete()
    assert run("import", str(out)) == ("imported 2 token(s), revoked 0\n", "", 0)
    assert [services.get(name).is_revoked for name in ids] == [False, True]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(*arguments: str) -> str:
    out = Terminal()
    call_command("tokens", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def test_times_are_words_on_a_terminal() -> None:
    run("issue", "--ttl-hours", "5", "--label", "a")
    head, row = on_a_terminal("list").splitlines()
    assert head + "\n" == HEADING
    assert re.fullmatch(r"[0-9a-f-]{36}  \d+ s ago +in 5 h +false +a", row)


def test_below_a_record_people_are_told_its_times() -> None:
    secret = run("issue", "--ttl-hours", "5")[0]
    (token,) = services.find_all(services.Filters())
    record, _, told = on_a_terminal("show", token.id).rstrip("\n").rpartition("\n")
    assert record + "\n" == run("show", token.id)[0], "a program reads the reference's record alone"
    assert re.fullmatch(r"issued \d+ s ago, expires in 5 h", told)
    assert secret.strip() not in record
    Token.objects.update(expires_at=int(time.time()) - 3 * 86_400)
    assert on_a_terminal("show", token.id).endswith(", expired 3 d ago\n")


def test_a_link_is_printed_in_place_of_the_secret(options: Any) -> None:
    options(ROUTER_HOST="0.0.0.0", ROUTER_PORT=8080)
    out, err, status = run("issue", "--handover", "--label", "laptop")
    assert (
        (err, status) == ("", 0)
        and out.startswith("http://127.0.0.1:8080/handover/")
        and out.count("\n") == 1
    )
    options(PUBLIC_URL="https://gw.example.com")
    told = json.loads(run("issue", "--handover", "--json")[0])
    assert told["handover_url"].startswith("https://gw.example.com/handover/") and "token" not in told
