"""Files that somebody else may have put there: never a hang, never more than was asked for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.credentials.files import read_directory
from gateway.config import reading as env
from gateway.config.options import ConfigurationError
from gateway.console.doctor import look_at_files
from gateway.kernel.regular import is_unicode, read
from gateway.usage.prices import services as prices
from gateway.usage.prices.errors import BadPrice
from gateway.usage.spool import orphans
from providers import route_services
from providers.errors import BadRoute
from providers.fields import own_secrets
from providers.files import lenv
from tests.principals import SOMEBODY
from tokens.files import mirror


def fifo(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def directory(path: Path) -> None:
    path.mkdir()


def loop(path: Path) -> None:
    path.symlink_to(path)


def unix_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket must be short
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse


ODD = (fifo, device, directory, loop, unix_socket, huge)
Make = Callable[[Path], None]
odd = pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
pytestmark = pytest.mark.timeout(20)


@odd
def test_nothing_but_a_regular_file_of_that_size_is_read(tmp_path: Path, make: Make) -> None:
    make(tmp_path / "odd")
    with pytest.raises(OSError, match=r"regular|larger|symbolic"):
        read(tmp_path / "odd", 1000)


def test_a_file_is_read_whole_up_to_the_limit_through_links_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    (tmp_path / "link").symlink_to("file")
    assert len(read(tmp_path / "link", 3_000_000)) == 3_000_000
    with pytest.raises(OSError, match="larger than 2999999 bytes"):
        read(tmp_path / "file", 2_999_999)
    (tmp_path / "empty").touch()
    assert read(tmp_path / "empty", 0) == b""


@odd
def test_a_credential_file_is_skipped_with_a_warning(tmp_path: Path, make: Make) -> None:
    make(tmp_path / "credentials.json")
    good = tmp_path / ".credentials.json"
    good.write_text('{"accessToken": "sk-ant-oat01-x"}')
    reading = read_directory(tmp_path, "anthropic")
    assert reading.path == good
    assert len(reading.warnings) == 1 and "credentials.json" in reading.warnings[0]


def test_a_credential_file_that_leads_to_a_file_of_ours_is_skipped(
    tmp_path: Path, options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, secret = tmp_path / "data", tmp_path / "secret.json"
    options(DATA_DIR=data)
    monkeypatch.setenv("TOKEN_ADMIN_KEY_FILE", str(secret))
    data.mkdir()
    ours = [
        data / name
        for name in ("tokens.bin", "tokens.lino.damaged-1", "router.sqlite3-wal", "providers.lenv")
    ]
    ours += [tmp_path / ".env", tmp_path / ".lenv", data / "usage-1.spool", secret]
    for number, path in enumerate(ours):
        path.write_text('{"accessToken": "sk-ant-oat01-CANARY"}')
        home = tmp_path / f"home-{number}"
        home.mkdir()
        (home / "credentials.json").symlink_to(path)
        reading = read_directory(home, "anthropic")
        assert reading.credential is None, path
        assert "a file of this gateway" in reading.problem
    assert not own_secrets.is_own_file(data / "claude" / "credentials.json")


@odd
def test_settings_files_are_read_or_refused_at_once(tmp_path: Path, make: Make) -> None:
    make(tmp_path / ".env")
    (tmp_path / ".lenv").write_text("ROUTER_PORT: 2\n")
    environment: dict[str, str] = {}
    env.load_files(tmp_path, environment)
    assert environment == {"ROUTER_PORT": "2"}
    # A directory may be a virtual environment, as some call theirs.
    assert len(env.left_out) == (make is not directory)
    env.left_out.clear()


@odd
def test_the_file_of_a_secret_is_read_or_refused_at_once(tmp_path: Path, make: Make) -> None:
    make(tmp_path / "odd")
    with pytest.raises(ConfigurationError, match=r"TOKEN_SECRET_FILE: can't read '.*odd': "):
        env.load({"TOKEN_SECRET_FILE": str(tmp_path / "odd"), "HOME": "/home/u"})


@odd
@pytest.mark.parametrize("name", ["tokens.bin", "tokens.lino", "providers.lenv"])
def test_stores_are_passed_by_or_refused_at_once(tmp_path: Path, make: Make, name: str) -> None:
    make(tmp_path / name)
    for read_store in (mirror.read_foreign, lenv.read_foreign):
        try:
            assert not read_store(tmp_path)
        except OSError as problem:
            assert make is huge and "larger" in str(problem)


@odd
def test_an_orphaned_spool_is_passed_by(tmp_path: Path, make: Make) -> None:
    if make is not huge:  # that one is read line by line
        make(tmp_path / "usage-1.spool")
        assert list(orphans(tmp_path)) == []


@odd
def test_doctor_tells_it(tmp_path: Path, make: Make, options: Any) -> None:
    options(DATA_DIR=tmp_path)
    make(tmp_path / "tokens.bin")
    (found,) = [line for line in look_at_files() if "tokens.bin" in line.text]
    assert found.is_problem and "UNREADABLE" in found.text


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert is_unicode("zażółć \U0001f600")
    assert not is_unicode("x\ud83d")


def test_no_table_of_ours_takes_one() -> None:
    with pytest.raises(BadRoute, match="one line"):
        route_services.clean({"model": "\ud83d"})
    with pytest.raises(BadPrice, match="model"):
        prices.put("\ud83d", input="1", output="1", principal=SOMEBODY)
    with pytest.raises(BadPrice, match="input"):
        prices.checked({"input": "\ud83d"})
