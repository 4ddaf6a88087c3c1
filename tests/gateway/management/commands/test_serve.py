"""`manage.py serve` as operators meet it: help, refusals, what it says, how it ends. Real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from gateway import VERSION
from gateway.config.table import table
from tests import warm
from tests.harness import MANAGE, PATIENCE, GatewayProcess, prepare

ROOT = Path(__file__).resolve().parents[4]
SECRET = "CANARY-0b8f5c6e2d1a4f7c9b3e8d6a5f4c2b1e"
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def environment(directory: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    mine = {
        "HOME": str(directory),
        "ROUTER_HOME": str(directory),
        "TOKEN_SECRET": SECRET,
        "TOKEN_ADMIN_KEY": "CANARY-key",
    }
    return {**kept, **mine, **more}


def manage(directory: Path, *arguments: str, **more: str) -> warm.Ended:
    return warm.run([MANAGE, *arguments], directory, environment(directory, **more), PATIENCE)


def test_help_names_every_option_and_shows_no_value_that_is_set(tmp_path: Path) -> None:
    result = manage(tmp_path, "serve", "--help", "--openai-compatible-api-key", "CANARY-flag")
    assert result.status == 0
    assert "CANARY" not in result.out + result.err
    for option in table().values():
        assert f"  {option.flag}" in result.out
        assert f"[env: {option.name}]" in " ".join(result.out.split())


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        (
            {"TOKEN_ADMIN_KEY": ""},
            [
                "Configuration error: ROUTER_HOST=0.0.0.0 is public and TOKEN_ADMIN_KEY is not set "
                "(set TOKEN_ADMIN_KEY, or ROUTER_HOST=127.0.0.1, or ALLOW_ANONYMOUS_ADMIN=true)"
            ],
        ),
        (
            {"TOKEN_SECRET": "CANARY"},
            [
                "Configuration error: TOKEN_SECRET is weak: under 32 bytes, published, or repetitive; "
                "ROUTER_HOST=0.0.0.0 is public "
                "(make one with `openssl rand -hex 32`, or set ALLOW_WEAK_SECRET=true)"
            ],
        ),
        (
            {"WORKERS": "2"},
            [
                "Configuration error: WORKERS=2 needs PostgreSQL (set DATABASE_URL, or WORKERS=1)",
                "Configuration error: WORKERS=2 needs Redis to count limits together (set REDIS_URL, "
                "or ALLOW_LOCAL_LIMITS=true to let each process count for itself)",
            ],
        ),
    ],
)
def test_it_does_not_start_unsafely(tmp_path: Path, settings: dict[str, str], lines: list[str]) -> None:
    result = manage(tmp_path, "serve", **settings)
    assert (result.status, result.out) == (2, "")
    assert result.err.splitlines() == lines
    assert not (tmp_path / ".link-assistant-router").exists()


def test_a_port_that_is_taken_is_told_and_nothing_is_announced(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = manage(tmp_path, "serve", "--host", "127.0.0.1", "--port", port)
    assert result.status == 1
    assert result.out == ""
    assert f"server error: cannot listen on 127.0.0.1:{port}" in result.err


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_it_migrates_serves_says_where_and_ends_with_0(tmp_path: Path, server: str) -> None:
    flags = ["--server", server, "--host", "127.0.0.1", "--port", "0", "--log-format", "json"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "serve", *flags],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(6)]
        assert said[0].startswith("Listening on http://127.0.0.1:")
        url = said[0].split()[-1]
        with NO_PROXY.open(f"{url}/health", timeout=10) as answer:
            assert answer.read() == b"ok"
        assert f"ANTHROPIC_BASE_URL={url} " in said[5]
        database = tmp_path / ".link-assistant-router" / "router.sqlite3"
        assert database.stat().st_mode & 0o777 == 0o600
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    lines = errors.splitlines()
    link = next(line for line in lines if "/setup/" in line)
    lines.remove(link)
    assert link.startswith(f"No admin yet; make the first one at {url}/setup/")
    assert all(line.startswith("{") for line in lines), errors
    assert any('"message": "Upstream: https://api.anthropic.com"' in line for line in lines)
    assert "CANARY" not in errors


def test_flags_that_bypass_manage_py_are_not_ignored(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "django", "serve", "--port", "1"],
        cwd=tmp_path,
        env={**environment(tmp_path), "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "gateway.settings"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 1
    assert "flags are read by router and manage.py" in result.stderr


def test_version_is_ours(tmp_path: Path) -> None:
    assert manage(tmp_path, "--version", TOKEN_SECRET="").out == f"link-assistant-router {VERSION}\n"


def test_a_start_that_was_killed_after_its_migrations_is_made_good_by_the_next(tmp_path: Path) -> None:
    gateway = GatewayProcess(prepare(tmp_path), tmp_path, "http://127.0.0.1:9", "uvicorn")
    permissions = gateway.rows("SELECT codename FROM auth_permission ORDER BY codename")
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "router.sqlite3")) as database:
        database.execute("DELETE FROM auth_permission")
        database.commit()
    with gateway:
        pass
    found = gateway.rows("SELECT codename FROM auth_permission ORDER BY codename")
    assert [*map(tuple, found)] == [*map(tuple, permissions)] and len(found) > 50
