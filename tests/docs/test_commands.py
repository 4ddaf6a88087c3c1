"""Every command that README.md and the documents print is run as it stands there, or by the test that is named here."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import warm
from tests.docs import printed
from tests.fakes.vendor import API_KEY, Vendor
from tests.harness import MANAGE, ROOT, TOKEN_SECRET, GatewayProcess, base_environment, prepare

WALKS = {
    "docs/embedding.md": "tests/e2e/test_foreign.py",
    "docs/federation.md": "tests/docs/test_federation.py",
    "docs/gonka.md": "tests/docs/test_gonka.py",
    "docs/payments.md": "tests/e2e/test_payments_docs.py",
}
"""Pages that are walked through by a test of their own."""
SERVED = (
    "README.md",
    "docs/api.md",
    "docs/claude-code.md",
    "docs/clients.md",
    "docs/own-pages.md",
    "docs/sdks.md",
    "docs/tokens.md",
    "docs/troubleshooting.md",
)
"""Pages that speak to a running gateway."""
ELSEWHERE = {
    "make run": "tests/docs/test_commands.py",  # as it serves, so do the gateways here
    "make test": "tests/docs/test_commands.py",
    "ANTHROPIC_BASE_URL=http://127.0.0.1:8080 ANTHROPIC_AUTH_TOKEN=$TOKEN claude": "tests/e2e/test_claude_code.py",
    "router deliver": "tests/forgefed/management/commands/test_deliver.py",
    "router serve": "tests/gateway/management/commands/test_serve.py",
    "DATABASE_URL=postgres://… ": "tests/gateway/management/commands/test_serve_postgres.py",
    "pip install '.[": "tests/test_rules.py",  # both are in the test environment, pinned
    "router doctor --online": "tests/gateway/management/commands/test_doctor.py",  # it asks the world
    "router alerts change ID": "tests/gateway/management/commands/test_alerts.py",
    "router alerts test NAME": "tests/gateway/management/commands/test_alerts.py",
    "router rehearse": "tests/gateway/management/commands/test_rehearse.py",
    "router providers test openrouter": "tests/providers/management/commands/test_providers.py",
    "kubectl apply -k deploy/k8s/base": "tests/deploy/test_kubernetes.py",
    "router tokens export DIRECTORY": "tests/e2e/test_migration.py",
}
"""Beginnings of commands that are not run here, and the test of what they do."""
NAMED = re.compile(r"router(?: people add| prices set| completion| (?:clients|providers|routes))?")
"""Commands that a text only names: their help is asked for."""
REPLACED = {
    "work                 # one": "work # one",
    "pause|resume|clear|remove|show work": "pause work; "
    + "; ".join(f"router accounts {action} work" for action in ("resume", "clear", "show", "remove")),
    "set|show|list|remove": "list",
    "providers clear NAME": "providers clear local",
    "providers clear openrouter": "providers clear openrouter",
    "routes test MODEL": "routes test claude-haiku-4-5",
    "requests ID": "requests --limit 1",
    "requests 0190f0f0-0000-7000-8000-000000000000": "requests --limit 1",
    "createsuperuser": "createsuperuser --noinput",
    "router doctor": "may_find router doctor",
    "people change EMAIL": "people change ada@example.com",
    " ID": ' "$(new_id)"',
    "curl -X POST": "curl -sS --fail-with-body -X POST",
}
"""What stands for something of the reader's."""
BEFORE = {
    "docs/accounts.md": "printf %s k | router providers add --name local --base-url http://x/v1 --api-key-stdin",
    "docs/issuers.md": "router people add ada@example.com --password-stdin",
    "docs/own-pages.md": "router people add ada@example.com --password-stdin",
    "docs/tokens.md": "router groups add x --budget 1 --budget-period month && router groups remove x",
    "docs/upgrading.md": "router people add ada@example.com --password-stdin",
    "docs/troubleshooting.md": "router clients setup claude-code --write",
}
"""What the reader of a page has done already."""
FUNCTIONS = """
new_id() { router tokens issue --label one --json | sed -n 's/^  "id": "\\(.*\\)",*/\\1/p'; }
may_find() { "$@" || test $? = 1; }  # it may have something to say
"""
NEEDED = ("bash", "curl", "sqlite3")


def commands(page: str) -> list[str]:
    """Return what is to be run of a page: its blocks, then what its text names and no page before it."""
    found = [line for block in printed.blocks(page) for line in printed.lines(block)]
    earlier = {span for one in printed.pages()[: printed.pages().index(page)] for span in printed.spans(one)}
    spans = [
        f"{span} --help" if NAMED.fullmatch(span) else span
        for span in printed.spans(page)
        if span not in earlier
    ]
    found += sorted(
        spans, key=lambda span: ("people remove" in span, "groups add" not in span, "people add" not in span)
    )
    return [line for line in found if not line.startswith(tuple(ELSEWHERE))]


PAGES = [page for page in printed.pages() if page not in WALKS and commands(page)]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("template"))


@pytest.fixture
def folder(tmp_path: Path, template: Path) -> Iterator[Path]:
    """A folder as `make` leaves it: the program in .venv, secrets in .env. What is typed is the vendor's key."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (tmp_path / "typed").write_text(f"{API_KEY}\n")
    (tmp_path / "manage.py").symlink_to(MANAGE)
    (tmp_path / ".env").write_text(
        f"TOKEN_SECRET={TOKEN_SECRET}\nTOKEN_ADMIN_KEY={base_environment(tmp_path)['TOKEN_ADMIN_KEY']}\n"
    )
    with warm.for_shells(tmp_path) as beginning:
        for name, run in (("router", shlex.join([*beginning, MANAGE])), ("python", sys.executable)):
            script = f'#!/bin/sh\n[ -p /dev/stdin ] || exec < {tmp_path}/typed\nexec {run} "$@"\n'
            (programs / name).write_text(script)
            (programs / name).chmod(0o755)
        yield tmp_path


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    return {
        **base_environment(folder),
        "PATH": f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}",
        "KEY": "sk-local",
        "PASSWORD": "correct horse battery staple",
        "DJANGO_SUPERUSER_USERNAME": "first",
        "DJANGO_SUPERUSER_PASSWORD": "a long pass phrase",
        "DJANGO_SUPERUSER_EMAIL": "first@example.org",
    }


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with Vendor() as server:
        yield server


@pytest.mark.timeout(600)  # a process for each command
@pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason=f"needs {', '.join(NEEDED)}")
@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_works_as_printed(
    page: str, folder: Path, environment: dict[str, str], vendor: Vendor
) -> None:
    script = "\n".join(commands(page))
    for before, after in REPLACED.items():
        script = script.replace(before, after)
    environment["UPSTREAM_BASE_URL"] = vendor.url

    def run(url: str) -> None:
        here = script.replace("http://127.0.0.1:8080", url)
        before = BEFORE.get(page, "") + "\n"
        token = 'export TOKEN="$(router tokens issue --label reader)"\n' if "$TOKEN" in here else ""
        done = subprocess.run(
            ["bash", "-xeo", "pipefail", "-c", f"{FUNCTIONS}{before}{token}{here}"],
            cwd=folder,
            env={**environment, "GATEWAY": url},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-6000:]}"

    if page not in SERVED:
        run("http://127.0.0.1:8080")
        return
    with GatewayProcess(folder, folder, vendor.url, "uvicorn") as gateway:
        run(gateway.url)


def test_what_is_not_run_here_has_a_test_of_its_own() -> None:
    assert set(WALKS) <= set(printed.pages())
    every = "\n".join(printed.text_of(page) for page in printed.pages())
    for command, test in ELSEWHERE.items():
        assert (ROOT / test).is_file() and command in every, command
    for page, test in WALKS.items():
        assert Path(page).name in (ROOT / test).read_text(), page
    assert sum(map(len, map(commands, PAGES))) > 60


def test_no_command_stands_in_a_block_that_nobody_reads() -> None:
    for page in printed.pages():
        found = printed.INDENTED.findall(printed.FENCED.sub("", printed.text_of(page)))
        assert not found, f"{page}: {found}: put it into a block of sh"


def test_every_make_target_of_the_documents_is_there() -> None:
    text = "\n".join(
        found
        for page in printed.pages()
        for found in (*printed.SPAN.findall(printed.text_of(page)), *printed.blocks(page))
    )
    targets = set(re.findall(r"(?m)^make ([a-z-]+)", text))
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"run", "test", "check", "demo", "docs"} <= targets <= known
