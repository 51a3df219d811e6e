"""The bytes of a page's blocks. Pure.

A block is deflated without a header, and base64 in the page. Numbers are split by significance into planes of bytes,
the lowest first, so that the many zero bytes lie side by side. ``web/data.js`` decodes it.

Cells: four uint32 (entries E, cells C of them all, planes of a difference D, planes of a count P), then for each entry
its day since the sum's first (1 byte), its hour (1 byte), its number of cells (3 planes); then for each cell the
difference of its number to the one before in its entry (D planes), its count (P planes), and its place (1 byte).

Columns: a uint32 (rows R), then for each column its number of planes (1 byte); then all planes, column by column.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mousetrackd.core.cells import Cells

    Narrow: TypeAlias = NDArray[np.unsignedinteger[Any]]

DAY_ONLY: Final = 24
"""The hour of an entry whose day is known, and its hour is not."""
_SIZE_PLANES: Final = 3
_LEVEL: Final = 9
_KINDS: Final = (np.uint8, np.uint16, np.uint32, np.uint64)


class Entry(NamedTuple):
    """The cells of one hour. day: since the first of its block, 0 to 255. hour: 0 to 23, or ``DAY_ONLY``."""

    day: int
    hour: int
    cells: Cells


class CellsBlock:
    """Takes the entries of a block one after the other, in as few bytes as they need."""

    def __init__(self) -> None:
        self._when: list[tuple[int, int]] = []
        self._differences: list[Narrow] = []
        self._counts: list[Narrow] = []
        self._places: list[NDArray[np.uint8]] = []

    def add(self, entry: Entry) -> None:
        """Append an hour. Its cells are copied."""
        self._when.append((entry.day, entry.hour))
        self._differences.append(_narrow(np.diff(entry.cells.index, prepend=0)))
        self._counts.append(_narrow(entry.cells.count))
        self._places.append(entry.cells.place.copy())

    def encode(self) -> bytes:
        """The block's bytes, not deflated."""
        sizes = np.array([place.size for place in self._places], np.int64)
        differences, counts = _planes(self._differences), _planes(self._counts)
        return b"".join(
            [
                np.array([sizes.size, int(sizes.sum()), len(differences), len(counts)], "<u4").tobytes(),
                bytes(day for day, _ in self._when),
                bytes(hour for _, hour in self._when),
                *((sizes >> 8 * nth & 0xFF).astype(np.uint8).tobytes() for nth in range(_SIZE_PLANES)),
                *differences,
                *counts,
                *(place.tobytes() for place in self._places),
            ]
        )


def _narrow(values: NDArray[np.int64]) -> Narrow:
    """Numbers from 0 up in the smallest type that holds them."""
    most = int(values.max()) if values.size else 0
    return values.astype(next(kind for kind in _KINDS if most <= np.iinfo(kind).max))


def _planes(parts: Sequence[Narrow]) -> list[bytes]:
    """The planes of numbers; the highest, where they are all 0, are left out."""
    wide = max((part.dtype.itemsize for part in parts), default=1)
    planes = [b"".join(_plane(part, nth) for part in parts) for nth in range(wide)]
    while len(planes) > 1 and not any(planes[-1]):
        planes.pop()
    return planes


def _plane(part: Narrow, nth: int) -> bytes:
    if nth >= part.dtype.itemsize:
        return bytes(part.size)
    return (part >> part.dtype.type(8 * nth)).astype(np.uint8).tobytes()


def columns(values: Sequence[Sequence[int]]) -> bytes:
    """Columns of whole numbers from 0 up, all of one length, not deflated."""
    planes = [_planes([_narrow(np.array(column, np.int64))]) for column in values]
    return b"".join(
        [
            np.array([len(values[0])], "<u4").tobytes(),
            bytes(len(of_column) for of_column in planes),
            *(plane for of_column in planes for plane in of_column),
        ]
    )


def packed(block: bytes) -> bytes:
    """Deflated, and as base64."""
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(deflate.compress(block) + deflate.flush())
