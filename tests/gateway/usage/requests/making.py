"""Finished calls of many kinds, newest last."""

from __future__ import annotations

import time

from uuid_utils import uuid7

from gateway.exchange.exchange import Exchange
from gateway.kernel.moments import id_floor
from gateway.usage import services
from gateway.usage.tidy import tidy
from tests.gateway.usage.making import exchange


def call(*, age: float = 0.0, **values: object) -> str:
    """Write one call that began so many seconds ago; return its id."""
    made = one(age=age, **values)
    services.write([tidy(made)])
    return made.id


def one(*, age: float = 0.0, **values: object) -> Exchange:
    own, at = str(uuid7()), time.time() - age
    if age:
        own = str(id_floor(at))
    return exchange(**{"id": own, "started_at": at, **values})
