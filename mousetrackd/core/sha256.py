"""SHA-256 of a few bytes, by FIPS 180-4 and RFC 6234: the same as hashlib's.

To import hashlib loads OpenSSL. That was 3.4 MB of a daemon which hashes 128 bytes when a monitor is plugged in.
"""

from __future__ import annotations

import math
import struct
from typing import Final

_WORD: Final = (1 << 32) - 1
_BLOCK_BYTES: Final = 64
_PRIMES: Final = [n for n in range(2, 312) if all(n % divisor for divisor in range(2, n))]  # 64 of them
_SQUARE_ROOTS: Final = [int(math.sqrt(prime) * (1 << 32)) & _WORD for prime in _PRIMES[:8]]
_CUBE_ROOTS: Final = [int(math.cbrt(prime) * (1 << 32)) & _WORD for prime in _PRIMES]
"""The first 32 bits of the fractions of these roots. None is near enough to the next number to be rounded to it."""


def sha256(message: bytes) -> bytes:
    """The 32 bytes of the digest."""
    padding = b"\x80" + bytes(-(len(message) + 9) % _BLOCK_BYTES) + struct.pack(">Q", 8 * len(message))
    state = _SQUARE_ROOTS
    for block in struct.iter_unpack(">16I", message + padding):
        added = _compressed(state, _schedule(block))
        state = [(word + more) & _WORD for word, more in zip(state, added, strict=True)]
    return struct.pack(">8I", *state)


def _schedule(block: tuple[int, ...]) -> list[int]:
    words = [*block]
    for at in range(16, len(_CUBE_ROOTS)):
        early, late = words[at - 15], words[at - 2]
        early = _turned(early, 7) ^ _turned(early, 18) ^ early >> 3
        late = _turned(late, 17) ^ _turned(late, 19) ^ late >> 10
        words.append((words[at - 16] + early + words[at - 7] + late) & _WORD)
    return words


def _compressed(state: list[int], words: list[int]) -> tuple[int, ...]:
    a, b, c, d, e, f, g, h = state
    for root, word in zip(_CUBE_ROOTS, words, strict=True):
        one = h + (_turned(e, 6) ^ _turned(e, 11) ^ _turned(e, 25)) + (e & f ^ ~e & g) + root + word
        two = (_turned(a, 2) ^ _turned(a, 13) ^ _turned(a, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (one + two) & _WORD, a, b, c, (d + one) & _WORD, e, f, g
    return a, b, c, d, e, f, g, h


def _turned(word: int, bits: int) -> int:
    """Rotated to the right."""
    return (word >> bits | word << 32 - bits) & _WORD
