"""The house's own rules: layers, sizes, tests opposite their source, and that what is written down agrees."""

from __future__ import annotations

import ast
import dataclasses
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import checks
from gateway import settings as gateway_settings
from gateway.option_table import Options, flags, table
from tests import readme

ROOT = Path(__file__).resolve().parent.parent
APPS = ("gateway", "tokens", "accounts", "providers", "forgefed")
LONGEST_FILE = 400
LONGEST_FUNCTION = 40
TRIVIAL_LINES = 25
TESTED_WITH = {
    "gateway/option_table.py": "tests/gateway/test_options.py",
    "gateway/templatetags/console.py": "tests/gateway/console/test_overview.py",
    "gateway/console/lists.py": "tests/gateway/test_admin.py",
    "gateway/attempts.py": "tests/e2e/test_failover.py",
    "gateway/dispatch.py": "tests/e2e/test_failover.py",
    "gateway/rotation.py": "tests/e2e/test_failover.py",
    "gateway/doors.py": "tests/e2e/test_paths.py",
    "gateway/house.py": "tests/e2e/test_failover.py",
    "gateway/relay.py": "tests/e2e/test_streaming.py",
    "gateway/trip.py": "tests/e2e/test_failover.py",
    "gateway/usage/accounting.py": "tests/e2e/test_shared_limits.py",
    "gateway/usage/prices/copy.py": "tests/gateway/usage/prices/test_services.py",
    "gateway/usage/prices/errors.py": "tests/gateway/usage/prices/test_services.py",
    "gateway/usage/prices/presenting.py": "tests/gateway/usage/prices/test_api.py",
    "tokens/limits/encoding.py": "tests/tokens/limits/test_redis.py",
    "tokens/limits/memory.py": "tests/tokens/limits/test_ledger.py",
    "tokens/limits/scripts.py": "tests/tokens/limits/test_redis.py",
    "providers/dialects/types.py": "tests/gateway/test_wire.py",
}
"""Modules that are no use alone, and the tests that reach them through another."""
ACROSS = {"tests/providers/translation/test_sdk.py", "tests/tokens/limits/test_machine.py"}
"""Tests of many modules together that stand in one app's folder."""


def sources() -> Iterator[Path]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT)


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def is_trivial(path: Path) -> bool:
    """Nothing in it runs on its own: no function longer than a line or two, or hardly any lines."""
    text = (ROOT / path).read_text()
    functions = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return path.name in ("__init__.py", "apps.py") or not functions or len(text.splitlines()) <= TRIVIAL_LINES


def has_tests(path: Path) -> bool:
    if str(path) in TESTED_WITH:
        return (ROOT / TESTED_WITH[str(path)]).exists()
    return any((ROOT / "tests" / path.parent).glob(f"test_{path.stem}*.py"))


def test_every_source_has_its_tests_opposite() -> None:
    missing = [str(path) for path in sources() if not is_trivial(path) and not has_tests(path)]
    assert not missing, "no tests opposite: " + " ".join(missing)


def test_every_test_stands_opposite_a_source() -> None:
    for app in APPS:
        for path in sorted((ROOT / "tests" / app).rglob("test_*.py")):
            if str(path.relative_to(ROOT)) in ACROSS:
                continue
            opposite = ROOT / path.relative_to(ROOT / "tests").parent
            stems = {source.stem for source in opposite.glob("*.py")} | {
                source.name for source in opposite.glob("*/")
            }
            name = path.stem.removeprefix("test_")
            assert any(name == stem or name.startswith(f"{stem}_") for stem in stems), path.relative_to(ROOT)


@pytest.mark.parametrize("path", list(sources()), ids=str)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = (ROOT / path).read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{path}:{node.lineno} {node.name} has {length} lines"


def test_imports_go_down_only() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_option_is_a_setting_of_the_same_name_and_type() -> None:
    defaults = Options()
    for field in dataclasses.fields(Options):
        value = getattr(gateway_settings, field.name)
        if field.name != "ALLOWED_HOSTS":  # Django wants a list, and "*" for every host
            assert type(value) is type(getattr(defaults, field.name)), field.name


SHOWN_BY = "gateway/doctor.py"  # to show a value is not to obey it
SHOWN_ELSEWHERE = {"ROUTING_MODE"}


def test_options_without_effect_are_exactly_those_that_say_so() -> None:
    used = set(
        re.findall(r"\b[A-Z][A-Z_]+\b", _below_the_options((ROOT / "gateway/settings.py").read_text()))
    )
    for path in sources():
        if str(path) != SHOWN_BY:
            used |= set(re.findall(r"\bsettings\.([A-Z][A-Z_]+)\b", (ROOT / path).read_text()))
    assert set(table()) - (used - SHOWN_ELSEWHERE) == checks.NO_EFFECT


def _below_the_options(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not re.match(r"([A-Z_]+) = _options\.\1$", line))


def test_flags_are_the_names_in_kebab_case_except_the_reference_s_own() -> None:
    own = {
        "ROUTER_HOST": "--host",
        "ROUTER_PORT": "--port",
        "UPSTREAM_API_FORMAT": "--api-format",
        "TOKEN_ADMIN_KEY": "--admin-key",
    }
    for name, option in table().items():
        assert option.flag == own.get(name, "--" + name.lower().replace("_", "-"))
    assert len(flags()) == len(table()) + sum(option.is_secret for option in table().values())


def test_the_readme_has_the_table_as_it_is() -> None:
    text = readme.README.read_text()
    assert readme.with_table(text) == text, "run `make readme`"


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in (path for path in tracked() if path.suffix == ".md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == gateway_settings.VERSION


def test_every_dependency_is_pinned_with_its_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for listing, names in (
        ("requirements.txt", project["dependencies"]),
        ("requirements-dev.txt", project["dependencies"] + project["optional-dependencies"]["dev"]),
    ):
        text = (ROOT / listing).read_text()
        for name in (re.split(r"[\[~>=<]", dependency)[0].lower() for dependency in names):
            assert re.search(rf"(?m)^{re.escape(name)}==\S+ .*\\$", text), f"{name} is not in {listing}"
        assert text.count("==") <= text.count("--hash=sha256:")


UNFINISHED = re.compile(
    "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "Not" + "ImplementedError", "[Pp]rovis" + "ional"))
)
WORKPLACE = re.compile("/wo" + "rk/|(?:local" + "host|127" + r"\.0\.0\.1):\d+/simple")


def test_nothing_unfinished_and_nothing_of_a_workplace_is_left() -> None:
    for path in tracked():
        if path.suffix in (".py", ".md", ".toml", ".yml", ".yaml", ".conf", ".service") or path.name in (
            "Makefile",
            "run",
        ):
            text = path.read_text()
            assert not WORKPLACE.search(text), path
            if path.suffix == ".py":
                assert not UNFINISHED.search(text), path


def test_no_secrets_are_tracked() -> None:
    assert not [
        path for path in tracked() if path.name in (".env", ".lenv") or path.suffix in (".sqlite3", ".pem")
    ]
