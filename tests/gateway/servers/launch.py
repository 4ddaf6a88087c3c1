"""A server for the tests: `python -m tests.gateway.servers.launch SERVER OPTIONS-AS-JSON`; prints its URL."""

import json
import logging
import signal
import sys

from gateway.servers.errors import ServeError
from gateway.servers.options import ServeOptions
from gateway.servers.runner import run

APPLICATION = "tests.gateway.servers.apps:application"


def main() -> int:
    logging.basicConfig(level="INFO", stream=sys.stderr)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs inherit it ignored
    options = json.loads(sys.argv[2])
    try:
        return run(
            sys.argv[1], APPLICATION, ServeOptions(on_listening=lambda url: print(url, flush=True), **options)
        )
    except ServeError as exc:
        print(exc, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
