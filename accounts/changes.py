"""Listeners of this process that are told when account rows changed."""

from __future__ import annotations

from gateway.kernel.changes import Listeners

_listeners = Listeners("account")
on_change, forget, announce = _listeners.add, _listeners.remove, _listeners.announce
