"""When freed memory goes back to the system, where the C library is glibc; elsewhere nothing is done."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1  # malloc.h
_M_MMAP_THRESHOLD: Final = -3  # malloc.h
_M_ARENA_MAX: Final = -8  # malloc.h


def return_large_blocks() -> None:
    """From now on, return what a burst or a roll-up needed for a moment, instead of keeping it (mallopt(3)).

    That goes for threads as well: those that are started later have no arena of their own, of which a part stays.
    """
    _set({_M_MMAP_THRESHOLD: 1 << 17, _M_TRIM_THRESHOLD: 1 << 18, _M_ARENA_MAX: 1})


def keep_large_blocks() -> None:
    """From now on, keep what is freed, up to 64 MB, for what is needed next: of a process that soon ends (mallopt(3)).

    The system fills each block it gives with zeros: a sixth of the CPU of making a page of a year.
    """
    _set({_M_MMAP_THRESHOLD: 1 << 25, _M_TRIM_THRESHOLD: 1 << 26})  # the former is the most that 64 bits allow


def _set(options: dict[int, int]) -> None:
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in options.items():
            mallopt(option, value)


def trim() -> None:
    """Return what is free between the blocks in use: a few megabytes after each checkpoint (malloc_trim(3))."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
