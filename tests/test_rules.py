"""The project's rules: layers, sizes, words, tests opposite their source, and that what is written down agrees."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from gateway import VERSION
from gateway import settings as gateway_settings
from gateway.config import checks
from gateway.config.table import flags, table
from tests import readme, words

ROOT = Path(__file__).resolve().parent.parent
APPS = ("gateway", "tokens", "accounts", "providers", "forgefed")
LONGEST_FILE = 300
LONGEST_FUNCTION = 40
LONGEST_PAGE = 150
TRIVIAL_LINES = 25
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
LOOSE_MODULES = {"gateway": 12, "accounts": 14, "tokens": 16, "providers": 22, "providers/translation": 4}
"""How many modules may stand in a folder outside of its rooms."""
TESTED_WITH = {
    "gateway/me/base.py": "tests/gateway/me/test_page.py",
    "gateway/me/holders.py": "tests/gateway/me/test_page.py",
    "gateway/me/testing.py": "tests/e2e/test_me.py",
    "gateway/signin/codes.py": "tests/gateway/signin/test_second.py",
    "gateway/signin/oidc/transport.py": "tests/gateway/signin/oidc/test_views.py",
    "gateway/signin/oidc/asking.py": "tests/gateway/signin/oidc/test_client.py",
    "gateway/signin/oidc/loading.py": "tests/gateway/signin/oidc/test_client.py",
    "gateway/signin/urls.py": "tests/gateway/signin/test_endpoints.py",
    "tokens/handover/models.py": "tests/tokens/handover/test_services.py",
    "tokens/people/errors.py": "tests/tokens/people/test_first.py",
    "tokens/totp/models.py": "tests/tokens/totp/test_services.py",
    "tokens/signin/bearers.py": "tests/tokens/signin/test_grants.py",
    "tokens/signin/errors.py": "tests/tokens/signin/test_grants.py",
    "providers/dialects/wrapping.py": "tests/providers/gonka/test_envelope.py",
    "gateway/runtime/connecting.py": "tests/gateway/management/test_program.py",
    "gateway/console/price_form.py": "tests/gateway/test_admin.py",
    "accounts/auditing.py": "tests/test_audit.py",
    "gateway/alerts/models.py": "tests/gateway/alerts/test_deciding.py",
    "gateway/rehearsals/models.py": "tests/gateway/rehearsals/test_services.py",
    "gateway/rehearsals/running.py": "tests/gateway/runtime/test_rehearsing.py",
    "gateway/runtime/starting.py": "tests/e2e/test_accounts.py",
    "gateway/audit/models.py": "tests/gateway/kernel/test_audit.py",
    "gateway/management/utility.py": "tests/gateway/management/test_program.py",
    "providers/auditing.py": "tests/test_audit.py",
    "tokens/auditing.py": "tests/test_audit.py",
    "gateway/config/table.py": "tests/gateway/config/test_options.py",
    "gateway/config/trackers.py": "tests/gateway/config/test_reading.py",
    "gateway/config/reference.py": "tests/gateway/config/test_options.py",
    "gateway/templatetags/console.py": "tests/gateway/console/test_overview.py",
    "gateway/console/lists.py": "tests/gateway/test_admin.py",
    "gateway/exchange/attempts.py": "tests/e2e/test_failover.py",
    "gateway/relay/failover.py": "tests/e2e/test_failover.py",
    "gateway/relay/rotation.py": "tests/e2e/test_failover.py",
    "gateway/entrypoints.py": "tests/e2e/test_paths.py",
    "gateway/relay/deps.py": "tests/e2e/test_failover.py",
    "gateway/relay/relay.py": "tests/e2e/test_streaming.py",
    "gateway/exchange/context.py": "tests/e2e/test_failover.py",
    "gateway/runtime/accounting.py": "tests/e2e/test_shared_limits.py",
    "gateway/console/payments.py": "tests/gateway/test_admin.py",
    "gateway/payments/methods/base.py": "tests/gateway/payments/methods/test_rehearsal.py",
    "gateway/usage/prices/copy.py": "tests/gateway/usage/prices/test_services.py",
    "gateway/usage/prices/errors.py": "tests/gateway/usage/prices/test_services.py",
    "gateway/usage/prices/presenting.py": "tests/gateway/usage/prices/test_api.py",
    "tokens/jwt/reference_errors.py": "tests/tokens/jwt/test_signing.py",
    "tokens/limits/encoding.py": "tests/tokens/limits/test_redis.py",
    "tokens/limits/memory.py": "tests/tokens/limits/test_ledger.py",
    "tokens/limits/extending.py": "tests/tokens/limits/test_ledger.py",
    "tokens/limits/scripts.py": "tests/tokens/limits/test_redis.py",
    "providers/dialects/decoding.py": "tests/providers/dialects/test_encodings.py",
    "forgefed/client.py": "tests/forgefed/test_delivering.py",
    "forgefed/offers.py": "tests/forgefed/test_receiving.py",
    "forgefed/presenting.py": "tests/forgefed/management/commands/test_federation.py",
    "forgefed/remote.py": "tests/forgefed/test_inbox.py",
    "forgefed/signing/messages.py": "tests/forgefed/signing/test_cavage.py",
    "forgefed/verification.py": "tests/forgefed/test_inbox.py",
    "gateway/batches/models.py": "tests/gateway/usage/batches/test_rows.py",
    "gateway/relay/objects.py": "tests/e2e/test_batches.py",
    "gateway/usage/batches/asking.py": "tests/e2e/test_batches.py",
    "gateway/usage/batches/telling.py": "tests/e2e/test_batches.py",
    "gateway/relay/hybrid.py": "tests/e2e/test_hybrid.py",
    "gateway/relay/refusals.py": "tests/e2e/test_xml_tools.py",
    "providers/catalog/command_lines.py": "tests/e2e/test_command_lines.py",
    "providers/cli/failing.py": "tests/providers/cli/test_telling.py",
    "providers/cli/transport.py": "tests/providers/cli/test_running.py",
    "providers/crater/ticket.py": "tests/e2e/test_crater.py",
    "providers/crater/transport.py": "tests/e2e/test_crater.py",
    "gateway/exchange/exchange.py": "tests/gateway/relay/test_relay.py",
    "providers/credentials/base.py": "tests/providers/credentials/test_api_key.py",
    "providers/dialects/types.py": "tests/gateway/exchange/test_downstream.py",
}
"""Modules that are no use alone, and the tests that reach them through another."""
ACROSS = {"tests/providers/translation/test_sdk.py", "tests/tokens/limits/test_machine.py"}
"""Tests of many modules together that stand in one app's folder."""


@cache
def sources() -> tuple[Path, ...]:
    return tuple(
        path.relative_to(ROOT)
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts
    )


@cache
def text_of(path: Path) -> str:
    return (ROOT / path).read_text()


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a source's tree: each file is parsed once for all rules."""
    return tuple(ast.walk(ast.parse(text_of(path))))


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def is_trivial(path: Path) -> bool:
    """Tell whether nothing in it runs on its own: no function, or hardly any lines."""
    if path.name in ("__init__.py", "apps.py") or len(text_of(path).splitlines()) <= TRIVIAL_LINES:
        return True
    return not any(isinstance(node, FUNCTION) for node in nodes_of(path))


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


def test_files_and_functions_stay_small() -> None:
    lines = {str(path): len(text_of(path).splitlines()) for path in sources()}
    assert {path: count for path, count in lines.items() if count > LONGEST_FILE} == {}
    functions = {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in sources()
        for node in nodes_of(path)
        if isinstance(node, FUNCTION)
    }
    assert len(lines) > 500 and len(functions) > 2_000
    assert {name: length for name, length in functions.items() if length > LONGEST_FUNCTION} == {}


def test_the_page_on_architecture_stays_one_page() -> None:
    assert len((ROOT / "docs" / "architecture.md").read_text().splitlines()) <= LONGEST_PAGE


@pytest.mark.parametrize(("folder", "bound"), LOOSE_MODULES.items())
def test_modules_stand_in_rooms(folder: str, bound: int) -> None:
    assert (ROOT / folder / "__init__.py").exists()
    loose = sorted(path.stem for path in (ROOT / folder).glob("*.py") if path.name != "__init__.py")
    assert len(loose) <= bound, f"find or make a sub-package by concern: {' '.join(loose)}"


def _texts_of_people() -> Iterator[tuple[Path, Iterator[words.Text]]]:
    for path in sources():
        yield path, words.in_source(text_of(path))
    for path in sorted((ROOT / "gateway" / "templates").rglob("*.html")):
        yield path.relative_to(ROOT), words.in_document(path.read_text())
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        is_comparison = path.name == "deviations.md"  # its first cells are the reference's
        yield path.relative_to(ROOT), words.in_document(path.read_text(), is_comparison)


def test_no_private_words() -> None:
    texts = list(_texts_of_people())
    assert len(texts) > 200
    found = [line for path, each in texts for line in words.private_words(path, each)]
    if found:
        pytest.fail(f"{len(found)} private words\n" + "\n".join(found), pytrace=False)


@pytest.mark.parametrize("word", words.WORDS, ids=lambda word: word.found[0])
def test_private_words_are_found_and_ordinary_senses_pass(word: words.Word) -> None:
    for text in word.found:
        assert word.search(text), text
    for text in word.passed:
        assert not any(each.search(text) for each in words.WORDS), text


def test_private_words_are_found_wherever_they_stand() -> None:
    source = 'class FastDoor:  # a pulse\n    """Rests\n    on\n    the road."""\n    let_go = f"seat {x}"\n'
    found = sorted(words.private_words(Path("a.py"), words.in_source(source)))
    assert [line.split(" is ")[0] for line in found] == [
        "a.py:1: 'Door'",
        "a.py:1: 'pulse'",
        "a.py:2: 'Rests'",
        "a.py:4: 'road'",
        "a.py:5: 'let go'",
        "a.py:5: 'seat'",
    ]
    ordinary = (
        "Index(condition=models.Q(x=1))\nasyncio.Condition()\nWireRequest(rest, tests.wire)\nx.round_trips\n"
    )
    assert not list(words.private_words(Path("a.py"), words.in_source(ordinary)))
    table = "| a door | b |\n| c | the door |\n"
    assert len(list(words.private_words(Path("a.md"), words.in_document(table, True)))) == 1


RIDDLE = re.compile(r"(?i)(?:what|which|who|whose|whom|whether|when|where|why|how|of|none|nobody|as it)\b")
RIDDLES_AT_MOST = 0.02
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def test_docstrings_say_what_the_thing_does() -> None:
    found = [
        (path, text)
        for path in sources()
        for node in nodes_of(path)
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node))
    ]
    riddles = [f"{path}: {text.splitlines()[0]}" for path, text in found if RIDDLE.match(text)]
    assert len(found) > 1000
    assert len(riddles) <= RIDDLES_AT_MOST * len(found), f"{len(riddles)} of {len(found)}\n" + "\n".join(
        riddles
    )


def test_imports_go_down_only() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_setting_mirrors_an_option() -> None:
    assert set(table()) & set(vars(gateway_settings)) == {
        "ALLOWED_HOSTS"
    }  # that one is Django's, "*" for empty


NO_OBEDIENCE = {"gateway/console/doctor.py", "gateway/config/reading.py"}
"""To show a value, or to demand one, is not to obey it."""
SHOWN_ELSEWHERE: set[str] = set()


def test_options_without_effect_are_exactly_those_that_say_so() -> None:
    used: set[str] = set()
    for path in sources():
        if str(path) not in NO_OBEDIENCE:
            used |= set(re.findall(r"\b(?:GATEWAY|options)\.([A-Z][A-Z_]+)\b", text_of(path)))
    assert set(table()) - (used - SHOWN_ELSEWHERE) == checks.NO_EFFECT


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


def test_the_page_of_settings_has_the_table_as_it_is() -> None:
    text = readme.PAGE.read_text()
    assert readme.with_table(text) == text, "run `make readme`"


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in (path for path in tracked() if path.suffix == ".md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


def test_every_dependency_is_pinned_with_its_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for listing, names in (
        ("requirements.txt", project["dependencies"]),
        ("requirements-clouds.txt", extras["bedrock"] + extras["vertex"]),
        ("requirements-otel.txt", extras["otel"]),
        ("requirements-dev.txt", project["dependencies"] + extras["dev"]),
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


INLINE = re.compile(
    r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:|(?:src|href)=\"(?:https?:)?//", re.I
)


def test_no_template_has_anything_that_its_policy_forbids() -> None:
    """Scripts and styles are files of ours (`gateway.api.middleware.POLICY`)."""
    templates = [path for app in APPS for path in sorted((ROOT / app).rglob("templates/**/*.html"))]
    assert len(templates) > 10
    assert [str(path) for path in templates if INLINE.search(path.read_text())] == []


PUBLIC_ALL_THE_SAME = {"_meta", "_default_manager", "_registry", "_replace", "_asdict"}
"""Django's and the standard library's."""
OF_LIBRARIES = {"_completed_response", "_completed_output", "_request_id"}
"""Of vendors' SDKs, that our streams have to satisfy."""


STILL_REACHED = {
    "tests/e2e/test_stored_objects.py": {"_told"},
    "tests/gateway/access/test_sockets.py": {"_routes"},
    "tests/gateway/objects/test_calls.py": {"_send"},
    "tests/gateway/sockets/test_responses.py": {"_sweep"},
}
"""What is still to be given a way in. No line comes to these."""


def foreign_private(tree: ast.Module) -> set[str]:
    """Return the private fields that are reached for on another object, unless the same file defines them."""
    nodes = tuple(ast.walk(tree))
    own = {node.name for node in nodes if isinstance(node, FUNCTION)}
    found: set[str] = set()
    for node in nodes:
        if not isinstance(node, ast.Attribute) or not re.match("_[a-z]", node.attr):
            continue
        of = node.value.id if isinstance(node.value, ast.Name) else ""
        is_super = isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "super"
        if of in ("self", "cls") or is_super:
            own.add(node.attr)
        else:
            found.add(node.attr)
    return found - own - PUBLIC_ALL_THE_SAME - OF_LIBRARIES


def test_tests_and_benchmarks_reach_into_no_private_field() -> None:
    found = {
        name: names
        for top in ("tests", "bench")
        for path in sorted((ROOT / top).rglob("*.py"))
        if (names := foreign_private(ast.parse(path.read_text())))
        and (name := str(path.relative_to(ROOT)))
        and names != STILL_REACHED.get(name)
    }
    assert not found, "give what is tested a public way in: a method, a figure to read, an argument"


def test_the_rule_of_private_fields_sees_them() -> None:
    assert foreign_private(ast.parse("made.pool._held = 1")) == {"_held"}
    assert foreign_private(ast.parse("self._held = other._held")) == set()


def test_no_module_is_set_from_elsewhere() -> None:
    for path in sources():
        assert not [node.lineno for node in nodes_of(path) if isinstance(node, ast.Global)], path
        if path.parts[:2] != ("gateway", "runtime") and str(path) not in ("gateway/config/reading.py",):
            assert "PARTS.put(" not in text_of(path), f"{path}: composition alone fills it"
