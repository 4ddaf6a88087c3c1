"""Make the C library keep freed memory, for a process that lives on bodies of a megabyte.

glibc gives the top of its heap back at every chance and asks for it again at the next body: hundreds of page
faults a request, a fifth of the CPU at 1 MB. Elsewhere (musl, macOS) nothing is changed.
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 64 * 1024 * 1024
"""Freed memory at the top of the heap that is kept for the next body."""
LARGE_BYTES = 4 * 1024 * 1024
"""Blocks from this size on are mapped alone and given back at once."""


def keep_freed_memory() -> bool:
    """Set both thresholds; tell whether the C library took them. Call before threads are started."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return bool(mallopt(M_MMAP_THRESHOLD, LARGE_BYTES) and mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))
