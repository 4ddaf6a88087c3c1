"""The reactor is ours, or the asyncio one that was there before."""

import subprocess
import sys

from tests.gateway.servers.harness import ROOT


def python(code: str) -> str:
    """What a Python of its own prints: a reactor is for ever."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_on_uvloop_and_daphne_agrees() -> None:
    code = (
        "from gateway.servers import reactor\n"
        "import daphne.server\n"
        "print(type(reactor.loop).__module__, daphne.server.reactor is reactor.reactor)"
    )
    assert python(code) == "uvloop True"


def test_an_asyncio_reactor_that_is_there_stays() -> None:
    code = (
        "import daphne.server\n"
        "from gateway.servers import reactor\n"
        "print(reactor.loop is daphne.server.twisted_loop)"
    )
    assert python(code) == "True"
