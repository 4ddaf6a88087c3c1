"""uvicorn's own part: the configuration, and the hooks on which we rely."""

import subprocess
import sys

from gateway.servers.options import ServeOptions
from gateway.servers.uvicorn import GatewayConfig
from tests.gateway.servers import apps
from tests.gateway.servers.harness import ROOT


def test_everything_is_off_that_we_do_ourselves() -> None:
    config = GatewayConfig(apps.application, ServeOptions(idle_seconds=33))
    config.load()
    assert config.loaded_app is apps.application  # no middleware around it
    assert config.encoded_headers == []
    assert not config.access_log
    assert config.timeout_keep_alive == 33


def test_a_missing_parser_is_an_error_and_not_a_slower_server() -> None:
    code = (
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name == 'httptools' else find(name, package)\n"
        "from gateway.servers.runner import run\n"
        "from gateway.servers.options import ServeOptions\n"
        "from gateway.servers.errors import ServeError\n"
        "try:\n"
        "    run('uvicorn', 'a:b', ServeOptions(port=0))\n"
        "except ServeError as exc:\n"
        "    print(exc)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "the uvicorn server needs the httptools package\n"
