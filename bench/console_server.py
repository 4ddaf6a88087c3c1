"""Serve as `manage.py serve` does, and count the queries of each request: `BENCH_QUERIES` names the file for them."""

import atexit
import json
import os
import sys
from collections import Counter
from pathlib import Path

from django.db.backends.signals import connection_created

from gateway.management.program import main
from gateway.telemetry import request_ids

COUNTED = Counter()


def count(execute, sql, params, many, context):
    """Count a query to the request in whose context it is asked."""
    COUNTED[request_ids.current.get()] += 1
    return execute(sql, params, many, context)


def connected(connection, **_):
    if count not in connection.execute_wrappers:
        connection.execute_wrappers.append(count)


def tell():
    Path(os.environ["BENCH_QUERIES"]).write_text(json.dumps(COUNTED))


if __name__ == "__main__":
    connection_created.connect(connected, weak=False)
    atexit.register(tell)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    main(sys.argv[1:])
