"""Who in this process wants to know that account rows changed."""

from __future__ import annotations

from providers.listeners import Listeners

_listeners = Listeners("account")
on_change, forget, announce = _listeners.add, _listeners.remove, _listeners.announce
