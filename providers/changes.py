"""Listeners of this process that are called when provider rows have changed."""

from __future__ import annotations

from gateway.kernel.changes import Listeners

_listeners = Listeners("provider")
on_change, forget, announce = _listeners.add, _listeners.remove, _listeners.announce
