"""`pip install .` and the image's own steps: both programs are there, and run without the checkout. No internet."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway import VERSION
from tests.harness import ADMIN_KEY, LISTENING, ROOT, TOKEN_SECRET
from tests.rawhttp import ask

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
PROGRAMS = ("router", "link-assistant-router")
LIBRARIES = sysconfig.get_path("purelib")


def _sources(folder: Path) -> Path:
    """Copy what the image copies to /app."""
    app = folder / "app"
    app.mkdir()
    for names in re.findall(r"(?m)^COPY (?!--from)(.+) /app/\S*$", DOCKERFILE):
        for name in names.split():
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, app / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, app)
    return app


def _step(folder: Path, command: list[str], **more: str) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    done = subprocess.run(
        command, cwd=folder, env={**env, **more}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def _lend(environment: Path) -> None:
    """Let a fresh environment see the libraries of this one, as they lie there: nothing is fetched.

    What is installed there in editable form stays unseen: a path in a `.pth` file has no `.pth` files of its own.
    """
    (where,) = environment.glob("lib/python*/site-packages")
    (where / "lent.pth").write_text(f"{LIBRARIES}\n")


def by_pip(folder: Path) -> Path:
    """Run `pip install .`; return the folder of the programs."""
    environment = folder / "venv"
    _step(folder, [sys.executable, "-m", "venv", "--without-pip", str(environment)])
    _lend(environment)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    app = _sources(folder)
    _step(app, [*pip, "install", "--no-deps", "--no-build-isolation", "."])
    shutil.rmtree(app)  # it needs the folder no longer
    return environment / "bin"


def by_the_image(folder: Path) -> Path:
    """Run the image's steps, but for the one that fetches libraries; return the folder of the programs."""
    _sources(folder)
    settings = dict(re.findall(r"(\w+)=(\S+)", re.search(r"(?m)^ENV (.*)$", DOCKERFILE)[1]))
    steps = [
        step
        for line in re.findall(r"(?m)^RUN (.*)$", DOCKERFILE.partition("\nFROM ${PYTHON}\n")[0])
        for step in line.split("&&")
        if "--require-hashes" not in step
    ]
    assert len(steps) == 4, steps
    for step in steps:
        command = step.replace("/venv", f"{folder}/venv").replace(" /app", f" {folder}/app")
        words = [word.strip() for word in shlex.split(command)]
        start = {"python": [sys.executable], "pip": [sys.executable, "-m", "pip"]}.get(words[0], words[:1])
        _step(folder, [*start, *words[1:]], **settings)
        if "venv" in words:
            _lend(folder / "venv")
    return folder / "venv" / "bin"


@pytest.fixture(scope="module", params=[by_pip, by_the_image])
def programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    install: Callable[[Path], Path] = request.param
    return install(tmp_path_factory.mktemp("installed"))


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin", "HOME": str(folder), "DATA_DIR": str(folder / "data"), "ROUTER_HOME": str(folder),
        "TOKEN_SECRET": TOKEN_SECRET, "TOKEN_ADMIN_KEY": ADMIN_KEY, "ROUTER_HOST": "127.0.0.1", "ROUTER_PORT": "0",
    }  # fmt: skip


def _run(programs: Path, folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(programs / name), *arguments],
        cwd=folder, env=_environment(folder), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_programs_tell_their_version_and_help(programs: Path, tmp_path: Path, name: str) -> None:
    told = _run(programs, tmp_path, name, "--version")
    assert (told.returncode, told.stdout) == (0, f"link-assistant-router {VERSION}\n")
    told = _run(programs, tmp_path, name, "--help")
    assert told.returncode == 0 and told.stdout.startswith(f"usage: {name} [OPTIONS] COMMAND")


def test_router_alone_helps_and_ends_with_2(programs: Path, tmp_path: Path) -> None:
    told = _run(programs, tmp_path, "router")
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("usage: router [OPTIONS] COMMAND")


@contextmanager
def _serving(command: list[str], folder: Path) -> Iterator[int]:
    """Run what serves; yield its port. It ends by SIGTERM, with status 0."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            found = LISTENING.search(process.stdout.readline())
            assert found is not None
            yield int(found[1])
            process.terminate()
            process.stdout.read()
            assert process.wait(60) == 0
        finally:
            process.kill()


def test_the_references_name_alone_serves_pages_files_and_all(programs: Path, tmp_path: Path) -> None:
    with _serving([str(programs / "link-assistant-router")], tmp_path) as port:
        assert ask(port, "GET", "/health").body == b"ok"
        page = ask(port, "GET", "/me/")
        assert page.status == 200
        (style, *_) = re.findall(r'href="(/static/[^"]+\.css[^"]*)"', page.body.decode())
        assert ask(port, "GET", style).status == 200


@pytest.mark.parametrize("programs", [by_the_image], indirect=True)
def test_the_images_own_command_serves(programs: Path, tmp_path: Path) -> None:
    words = re.findall(r'(?m)^(?:ENTRYPOINT|CMD) \["(\w+)"\]$', DOCKERFILE)
    assert words == ["router", "serve"]
    with _serving([str(programs / words[0]), *words[1:]], tmp_path) as port:
        assert ask(port, "GET", "/health").status == 200
