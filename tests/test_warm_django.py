"""Processes that are forked from one in which Django is set up: their settings are their own, and read in them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import warm, warm_django
from tests.harness import MANAGE, PATIENCE, base_environment

SHOW = """
import sys
from django.conf import settings
from django.db import connection, connections
from django.urls import resolve
console = resolve("/console/").route or "none"
print(settings.GATEWAY.WORKERS, connection.vendor, connection.settings_dict["NAME"], console, settings.LOGGING["root"])
"""


@pytest.fixture(scope="module")
def parent() -> Iterator[warm.Parent]:
    made = warm.Parent(sets_up=True)
    yield made
    made.close()


def _run(parent: warm.Parent, folder: Path, code: str, **environment: str) -> tuple[int, str]:
    with Path(os.devnull).open("rb") as nothing, tempfile.TemporaryFile() as out:
        own = {**base_environment(folder), **environment}
        status = parent.fork(["-c", code], folder, own, (nothing, out, out)).wait(PATIENCE)
        out.seek(0)
        return status, out.read().decode()


def test_models_are_made_beforehand_and_no_setting_is_read(parent: warm.Parent, tmp_path: Path) -> None:
    code = "import sys; from django.conf import settings; print(settings.configured, *sys.modules)"
    status, said = _run(parent, tmp_path, code)
    configured, *imported = said.split()
    assert (status, configured) == (0, "False")
    assert {"gateway.models", "gateway.api.management", "gateway.servers.uvicorn"} <= {*imported}
    assert not {warm_django.SETTINGS, "gateway.urls", "gateway.asgi", "twisted.internet.reactor"} & {
        *imported
    }


def test_each_program_has_settings_of_its_own(tmp_path: Path) -> None:
    def show(*flags: str, **environment: str) -> str:
        own = {**base_environment(tmp_path), **environment}
        done = warm.run([MANAGE, "shell", "--no-imports", *flags, "-c", SHOW], tmp_path, own, PATIENCE)
        assert done.status == 0, done
        return done.out

    sqlite = f"sqlite {tmp_path / 'data' / 'router.sqlite3'}"
    assert show().split("{")[0] == f"1 {sqlite} console/ "
    assert show("--workers", "3", DISABLE_CONSOLE="true").split("{")[0] == f"3 {sqlite} none "
    away = show(DATABASE_URL="postgres://somebody@127.0.0.1:1/rows", LOG_LEVEL="error")
    assert away.split("{")[0] == "1 postgresql rows console/ " and "ERROR" in away


def test_an_option_that_is_read_beforehand_is_told(tmp_path: Path) -> None:
    (tmp_path / "gateway").mkdir()
    for name in ("urls", "asgi"):
        (tmp_path / "gateway" / f"{name}.py").write_text("from reads_early import *\n")
    (tmp_path / "reads_early.py").write_text(
        "from django.conf import settings\nN = settings.GATEWAY.WORKERS\n"
    )
    code = "import pathlib, sys; from tests import warm_django; warm_django.set_up(pathlib.Path(sys.argv[1]))"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{warm.ROOT}{os.pathsep}{tmp_path}"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "WORKERS is read before there is a program" in done.stderr


def test_a_setting_that_models_were_made_with_has_to_be_the_same(parent: warm.Parent, tmp_path: Path) -> None:
    code = "import django, gateway.settings as given; given.DEFAULT_TABLESPACE = 'else'; django.setup()"
    status, said = _run(parent, tmp_path, code)
    assert status == 1 and "made with other settings: ['DEFAULT_TABLESPACE']" in said
    assert _run(parent, tmp_path, code.replace("DEFAULT_TABLESPACE", "EMAIL_HOST")) == (0, "")
