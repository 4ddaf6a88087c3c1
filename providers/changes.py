"""Who in this process wants to know that provider rows changed."""

from __future__ import annotations

from providers.listeners import Listeners

_listeners = Listeners("provider")
on_change, forget, announce = _listeners.add, _listeners.remove, _listeners.announce
