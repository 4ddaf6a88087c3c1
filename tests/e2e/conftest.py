"""Gateways over real sockets. Each kind is started when a test first asks for it, and kept for those that follow.

`gateway` runs a test on every server that `serve` offers, `entry_point` on plain `get_asgi_application()`
too. The vendor behind them is one, scripted and read by the test at hand.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.pooling import PoolVendor, credential, write_pair
from tests.fakes.openai_strict import StrictOpenAi
from tests.fakes.openai_vendor import OpenAiVendor
from tests.fakes.vendor import Vendor
from tests.harness import ENTRY_POINTS, SERVERS, GatewayProcess, prepare

QUICK = {
    "PING_SECONDS": "0.3",
    "UPSTREAM_CONNECT_TIMEOUT_SECONDS": "1",
    "UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS": "2",
    "UPSTREAM_IDLE_TIMEOUT_SECONDS": "2",
}
"""For tests about silence."""
HERE = Path(__file__).parent

Start = Callable[..., GatewayProcess]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def shared_vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def vendor(shared_vendor: Vendor) -> Iterator[Vendor]:
    """Give the vendor behind the shared gateways, forgetful between tests."""
    shared_vendor.reset()
    yield shared_vendor
    shared_vendor.reset()


@pytest.fixture(scope="session")
def shared(
    template: Path, shared_vendor: Vendor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., GatewayProcess]]:
    """`shared(entry_point)`, `shared(entry_point, settings)`: one gateway per kind; `ready` is done to a new one."""

    def get(
        entry_point: str,
        settings: Mapping[str, str] | None = None,
        ready: Callable[[GatewayProcess], None] = lambda process: None,
    ) -> GatewayProcess:
        key = (entry_point, tuple(sorted((settings or {}).items())))
        if key not in RUNNING:
            directory = tmp_path_factory.mktemp(entry_point)
            process = GatewayProcess(template, directory, shared_vendor.url, entry_point, settings)
            with contextlib.ExitStack() as unless_whole:  # one that is not would fail every test after this
                unless_whole.enter_context(process)
                process.token = process.issue("shared")
                ready(process)
                unless_whole.pop_all()
            RUNNING[key] = Running(process)
        RUNNING[key].asked_at = time.monotonic()
        return RUNNING[key].process

    yield get
    stop_idle(0.0)


@dataclass
class Running:
    """A gateway that tests share, and when one asked for it last."""

    process: GatewayProcess
    asked_at: float = 0.0


RUNNING: dict[tuple[str, tuple[tuple[str, str], ...]], Running] = {}
IDLE_SECONDS = 12.0
"""After this long a gateway that nobody asked for has cost as much as to start it anew."""


def stop_idle(seconds: float) -> None:
    """Stop the gateways that nobody has asked for in so many seconds."""
    now = time.monotonic()
    with contextlib.ExitStack() as stack:
        for key in [key for key, each in RUNNING.items() if now - each.asked_at >= seconds]:
            stack.callback(RUNNING.pop(key).process.stop)


@pytest.hookimpl(trylast=True)  # after the file's own fixtures, which may still use one
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if nextitem is None or HERE not in nextitem.path.parents:
        stop_idle(0.0)
    elif nextitem.path != item.path:
        stop_idle(IDLE_SECONDS)


@pytest.fixture(scope="session")
def shared_openai() -> Iterator[StrictOpenAi]:
    with StrictOpenAi() as server:
        yield server


@pytest.fixture(scope="session")
def shared_poor() -> Iterator[StrictOpenAi]:
    with StrictOpenAi(has_responses=False, models=("llama-4-70b",)) as server:
        yield server


MIXED = {"RETRY_ATTEMPTS": "2"}
"""Settings of the gateway with several providers: one process for all of its tests."""


@pytest.fixture
def shared_mixed(shared: Start, shared_openai: StrictOpenAi, shared_poor: StrictOpenAi) -> GatewayProcess:
    """Beside Anthropic: OpenAI with its Responses API and without, and a server that has none; two aliases."""

    def ready(process: GatewayProcess) -> None:
        rows = (
            ("openai", shared_openai, ["gpt-5.6", "text-embedding-4-small"], "native"),
            ("openai-chat", shared_openai, ["gpt-5.6-mini"], "translate"),
            ("poor", shared_poor, ["llama-4-70b"], "auto"),
        )
        for name, server, models, responses in rows:
            row = {
                "name": name,
                "base_url": f"{server.url}/v1",
                "api_key": server.credential,
                "models": models,
            }
            answer = process.admin("POST", "/api/providers", {**row, "responses": responses})
            assert answer.status == 200, answer
        for alias, provider, model in (
            ("claude-proxy-gpt", "openai", "gpt-5.6"),
            ("claude-proxy-llama", "poor", "llama-4-70b"),
        ):
            row = {"model": alias, "provider": provider, "upstream_model": model}
            assert process.admin("POST", "/api/routes", row).status == 200

    return shared("uvicorn", MIXED, ready)


@pytest.fixture
def openai_vendor(shared_openai: StrictOpenAi, shared_poor: StrictOpenAi) -> Iterator[StrictOpenAi]:
    for server in (shared_openai, shared_poor):
        server.reset()
    yield shared_openai


@pytest.fixture
def mixed(
    shared_mixed: GatewayProcess, vendor: Vendor, openai_vendor: StrictOpenAi
) -> Iterator[GatewayProcess]:
    yield from without_cooldowns(shared_mixed)


def without_cooldowns(process: GatewayProcess) -> Iterator[GatewayProcess]:
    """For one test; what it did to the accounts is undone."""
    yield process
    if process.process.poll() is None:
        process.clear_accounts()


@pytest.fixture(params=SERVERS)
def gateway(request: pytest.FixtureRequest, shared: Start, vendor: Vendor) -> Iterator[GatewayProcess]:
    yield from without_cooldowns(shared(request.param))


@pytest.fixture(params=SERVERS)
def quick(request: pytest.FixtureRequest, shared: Start, vendor: Vendor) -> Iterator[GatewayProcess]:
    """With short timeouts and pings."""
    yield from without_cooldowns(shared(request.param, QUICK))


@pytest.fixture(params=ENTRY_POINTS)
def entry_point(request: pytest.FixtureRequest, shared: Start, vendor: Vendor) -> Iterator[GatewayProcess]:
    yield from without_cooldowns(shared(request.param))


@pytest.fixture
def every_entry_point(shared: Start, vendor: Vendor) -> Iterator[list[GatewayProcess]]:
    """For programs that cost more to start than what they ask for."""
    gateways = [shared(name) for name in ENTRY_POINTS]
    yield gateways
    for gateway in gateways:
        gateway.clear_accounts()


ROUTED = {"OTHER_KEY": "sk-CANARY-of-the-environment"}
"""The settings of the gateway whose providers and routes tests change."""


@pytest.fixture
def routed(shared: Start, vendor: Vendor) -> Iterator[GatewayProcess]:
    """Without providers and routes of its own, before each test."""
    process = shared("uvicorn", ROUTED)
    yield process
    for kind, key in (("routes", "model"), ("providers", "name")):
        for row in process.admin("GET", f"/api/{kind}").json()["data"]:
            assert process.admin("DELETE", f"/api/{kind}/{row[key]}").status == 200


@pytest.fixture
def other() -> Iterator[OpenAiVendor]:
    """Give a vendor that speaks OpenAI's API, the test's own."""
    with OpenAiVendor() as server:
        yield server


@pytest.fixture
def start(template: Path, vendor: Vendor, tmp_path: Path) -> Iterator[Start]:
    """`start(entry_point, settings)`: a gateway of the test's own, stopped at its end."""
    with contextlib.ExitStack() as stack:
        count = 0

        def begin(
            entry_point: str, settings: Mapping[str, str] | None = None, upstream_url: str | None = None
        ) -> GatewayProcess:
            nonlocal count
            count += 1
            url = upstream_url or vendor.url
            process = GatewayProcess(template, tmp_path / f"gateway{count}", url, entry_point, settings)
            process = stack.enter_context(process)
            process.token = process.issue("own")
            return process

        yield begin


@pytest.fixture
def pool_vendor() -> Iterator[PoolVendor]:
    with PoolVendor() as one:
        yield one


@pytest.fixture
def pooled(start, pool_vendor: PoolVendor, tmp_path: Path):
    """`pooled(3)`: a gateway with the accounts primary, account-1, account-2."""

    def begin(count: int, **settings: str) -> GatewayProcess:
        homes = [tmp_path / f"home{number}" for number in range(count)]
        for number, home in enumerate(homes):
            write_pair(home, credential(number))
        named = {"CLAUDE_CODE_HOME": str(homes[0]), "ANTHROPIC_API_KEY": ""}
        if count > 1:
            named["ADDITIONAL_ACCOUNT_DIRS"] = ",".join(map(str, homes[1:]))
        return start("uvicorn", {**named, **settings}, pool_vendor.url)

    return begin
