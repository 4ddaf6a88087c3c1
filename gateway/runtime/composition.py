"""Compose a process: the one place where typed options become the parts that serve, and where apps meet.

Importing builds nothing. `connecting` runs when Django is ready, in every process; `current` where a process serves, or
shows what it would serve with.
"""

from __future__ import annotations

import atexit
import threading
from functools import partial

from django.conf import settings

from accounts import changes as account_changes
from accounts.credentials import refresh
from accounts.credentials.logins import logins_from_settings
from accounts.maintenance import RefreshRunner
from accounts.pool.pool import Pool
from accounts.pool.pool import options_from_settings as pool_options
from gateway.config.table import Options
from gateway.kernel.parts import PARTS, Key
from gateway.runtime import from_settings
from gateway.runtime.composed import Composed, WaysOut
from gateway.runtime.running import NotHere, Runtime
from gateway.servers import limits
from gateway.telemetry.metrics import Metrics
from gateway.usage.prices import services as prices
from gateway.usage.prices.copy import Prices
from providers import changes as provider_changes
from providers.catalog.catalog import Catalog
from providers.catalog.store import boot_from_settings
from tokens import changes as token_changes

__all__ = ["NotHere", "Runtime", "WaysOut", "compose", "current", "dissolve"]

RUNTIME: Key[Runtime] = Key("runtime")
_composing = threading.RLock()


def compose(options: Options, ways_out: WaysOut | None = None) -> Runtime:
    """Build all that serves from the options. Nothing runs yet, and no row has been read.

    From now on it is told of changes made in this process, until `Runtime.dissolve`.
    """
    refreshes = RefreshRunner(refresh.Refresher(refresh.options_from_settings(), logins_from_settings()))
    pool = Pool(pool_options(), refreshes)
    catalog = Catalog(boot_from_settings(), pool.has_credentials)
    catalog.on_cleared = pool.clear_provider
    composed = Composed(
        options=options,
        table=from_settings.table(options),
        metrics=Metrics(),
        registry=from_settings.registry(options),
        pool=pool,
        catalog=catalog,
        prices=Prices(),
        refreshes=refreshes,
        ways_out=ways_out or WaysOut(),
    )
    runtime = Runtime(composed)
    _register(runtime)
    return runtime


def current() -> Runtime:
    """Return the runtime of this process, composed at the first call."""
    with _composing:
        runtime = PARTS.get(RUNTIME)
        if runtime is None:
            runtime = compose(settings.GATEWAY)
            PARTS.put(RUNTIME, runtime)
        return runtime


def dissolve() -> None:
    """Forget the runtime of this process, so that the next call of `current` composes another: for tests."""
    with _composing:
        runtime = PARTS.get(RUNTIME)
        if runtime is not None:
            runtime.dissolve()
            PARTS.drop(RUNTIME)


def _register(runtime: Runtime) -> None:
    composed, ends = runtime.composed, runtime.registered
    for changes, apply, topic in (
        (token_changes, composed.registry.apply_changes, "tokens"),
        (account_changes, composed.pool.apply_changes, "accounts"),
        (provider_changes, composed.catalog.apply_changes, "providers"),
        (prices, composed.prices.apply_changes, "gateway"),
    ):
        for callback in (apply, partial(runtime.announce, topic)):
            changes.on_change(callback)
            ends.callback(changes.forget, callback)
    metrics = composed.metrics
    limits.on_refused(metrics.count_early)
    ends.callback(limits.forget_refused, metrics.count_early)
    token_changes.on_issued(metrics.token_issued)
    ends.callback(token_changes.forget_issued, metrics.token_issued)
    token_changes.on_revoked(metrics.token_revoked)
    ends.callback(token_changes.forget_revoked, metrics.token_revoked)
    atexit.register(runtime.finish)
    ends.callback(atexit.unregister, runtime.finish)
