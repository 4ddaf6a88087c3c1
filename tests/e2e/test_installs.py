"""What is fetched from registries: tried again while none answers, told and skipped when none does, else a failure."""

from __future__ import annotations

import inspect
import shutil
import sys
from pathlib import Path

import pytest

from tests.e2e import installs
from tests.ports import free_port

FAILED, SKIPPED = pytest.fail.Exception, pytest.skip.Exception


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installs, "PAUSE_SECONDS", 0)


def shell(script: str) -> list[str]:
    return ["sh", "-ec", script]


def test_a_registry_that_answers_at_the_second_try_is_enough(tmp_path: Path) -> None:
    tried = tmp_path / "tried"
    command = shell(
        f'test -e {tried} || {{ touch {tried}; echo "npm error code ECONNRESET" >&2; exit 1; }}; touch it'
    )
    installs.install(tmp_path / "one", command=command)
    assert (tmp_path / "one" / "it").exists() and (tmp_path / "one" / ".complete").exists()
    installs.install(tmp_path / "one", command=shell("exit 1"))  # it is there


def test_what_does_not_fit_its_pin_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(FAILED, match="EINTEGRITY"):
        installs.install(tmp_path / "one", command=shell('echo "npm error code EINTEGRITY" >&2; exit 1'))
    assert not (tmp_path / "one" / ".complete").exists()


@pytest.mark.parametrize("program", ["pip", "npm"])
def test_without_a_registry_the_reason_is_told(program: str, tmp_path: Path) -> None:
    if shutil.which("npm") is None and program == "npm":
        pytest.skip("npm is not installed")
    nobody = f"http://127.0.0.1:{free_port()}/"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--retries",
        "1",
        "--no-deps",
        "--no-cache-dir",
        "-i",
        nobody,
    ]
    npm = ["npm", "view", "--fetch-retries", "0", "--cache", str(tmp_path / "cache"), "--registry", nobody]
    command = {"pip": [*pip, "segno==1.6.1"], "npm": [*npm, "fedify"]}[program]
    with pytest.raises(SKIPPED, match=f"^{installs.NOT_TO_BE_HAD}: no registry answers"):
        installs.install(tmp_path / "one", command=command)


def test_all_of_them_are_fetched_before_the_tests() -> None:
    made = {
        value
        for name, value in vars(installs).items()
        if inspect.isfunction(value) and not name.startswith("_") and not inspect.signature(value).parameters
    }
    assert made - {installs.main} == set(installs.ALL)
