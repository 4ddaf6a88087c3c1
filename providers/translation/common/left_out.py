"""Tell in the answer what of a call was left out because no upstream but its vendor's could carry it out.

Pure.
"""

from __future__ import annotations

HEADER = b"x-gateway-left-out"
MAX_TOLD = 400


def left_out_header(left_out: list[str]) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header that tells it; none for nothing."""
    if not left_out:
        return ()
    told = ", ".join(dict.fromkeys(left_out)).encode("ascii", "replace")[:MAX_TOLD]
    return ((HEADER, told),)
