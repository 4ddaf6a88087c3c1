"""RIPEMD-160, of which addresses are made: OpenSSL 3 may be built without it. Not for anything else."""

from __future__ import annotations

import struct
from functools import cache

_MASK = 0xFFFFFFFF
_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_CONSTANTS = (
    (0x00000000, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E),
    (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0x00000000),
)
_PERMUTATION = (7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8)
_SHIFTS = (
    (11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8),
    (12, 13, 11, 15, 6, 9, 9, 7, 12, 15, 11, 13, 7, 8, 7, 7),
    (13, 15, 14, 11, 7, 7, 6, 8, 13, 14, 13, 12, 5, 5, 6, 9),
    (14, 11, 12, 14, 8, 6, 5, 5, 15, 12, 15, 14, 9, 9, 8, 6),
    (15, 12, 13, 13, 9, 5, 8, 6, 14, 11, 12, 11, 8, 6, 5, 5),
)
"""By round and by the word that is taken, of the paper of Dobbertin, Bosselaers and Preneel (1996)."""


@cache
def _orders() -> tuple[list[list[int]], list[list[int]]]:
    """Return the order of words in each round, of both lines: one permutation, applied again and again."""
    left = [list(range(16))]
    right = [[(9 * place + 5) % 16 for place in range(16)]]
    for line in (left, right):
        for _ in range(4):
            line.append([_PERMUTATION[word] for word in line[-1]])
    return left, right


def digest(data: bytes) -> bytes:
    """Return the twenty bytes."""
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", len(data) * 8)
    state = _START
    for start in range(0, len(padded), 64):
        words = struct.unpack("<16I", padded[start : start + 64])
        left, right = (_line(state, words, which) for which in (0, 1))
        state = tuple(  # type: ignore[assignment]
            (state[(at + 1) % 5] + left[(at + 2) % 5] + right[(at + 3) % 5]) & _MASK for at in range(5)
        )
    return struct.pack("<5I", *state)


def _line(state: tuple[int, ...], words: tuple[int, ...], which: int) -> tuple[int, int, int, int, int]:
    a, b, c, d, e = state
    for number in range(5):
        constant, order = _CONSTANTS[which][number], _orders()[which][number]
        for word in order:
            mixed = a + _mix(number if which == 0 else 4 - number, b, c, d) + words[word] + constant
            a, b, c, d, e = e, (_turn(mixed & _MASK, _SHIFTS[number][word]) + e) & _MASK, b, _turn(c, 10), d
    return a, b, c, d, e


def _mix(number: int, x: int, y: int, z: int) -> int:
    if number == 0:
        return x ^ y ^ z
    if number == 1:
        return (x & y) | (~x & _MASK & z)
    if number == 2:
        return (x | (~y & _MASK)) ^ z
    if number == 3:
        return (x & z) | (y & ~z & _MASK)
    return x ^ (y | (~z & _MASK))


def _turn(value: int, places: int) -> int:
    return (value << places | value >> (32 - places)) & _MASK
