"""Listeners of this process that are told after the commit that token rows changed."""

from __future__ import annotations

from gateway.kernel.changes import Listeners

_changed = Listeners("token")
on_change, forget, announce = _changed.add, _changed.remove, _changed.announce

_issued = Listeners("issued token")
on_issued, forget_issued, announce_issued = _issued.add, _issued.remove, _issued.announce

_revoked = Listeners("revoked token")
"""Each revocation that succeeds, repeated ones too."""
on_revoked, forget_revoked, announce_revoked = _revoked.add, _revoked.remove, _revoked.announce
