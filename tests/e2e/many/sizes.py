"""How much the long tests do. Small where nothing is said; `make test-long` gives the sizes that are promised."""

from __future__ import annotations

import os

REQUESTS_PER_WORKER = int(os.environ.get("GATEWAY_TEST_REQUESTS_PER_WORKER", "500"))
"""For each of four workers. 10,000 in `make test-long`, 2,500 in `.ci/run`."""

AWAY_SECONDS = float(os.environ.get("GATEWAY_TEST_AWAY_SECONDS", "6"))
"""How long PostgreSQL is away under load. 60 in `make test-long`."""

WAITS_FOR_LEASES = os.environ.get("GATEWAY_TEST_WAIT_FOR_LEASES") == "true"
"""Wait the minute that a dead worker's leases last, instead of ageing them in Redis. True in `make test-long`."""

SIGN_INS = int(os.environ.get("GATEWAY_TEST_SIGN_INS", "40"))
"""People who sign in at once. 200 in `make test-long`."""
