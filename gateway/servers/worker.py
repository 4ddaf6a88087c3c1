"""The worker process: `python -m gateway.servers.worker JSON`, started by `gateway.servers.workers`."""

import json
import logging
import sys

from gateway.servers.errors import ServeError
from gateway.servers.options import ServeOptions
from gateway.servers.runner import run

logger = logging.getLogger(__name__)


def main() -> int:
    """Serve until the end; exit status 0 after a drain, 3 if it could not start."""
    job = json.loads(sys.argv[1])
    try:
        return run(job["server"], job["application"], ServeOptions(**job["options"]))
    except ServeError as exc:
        logger.critical("%s", exc)
        return 3


if __name__ == "__main__":
    sys.exit(main())
